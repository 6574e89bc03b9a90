import { expect, test } from "vitest";
import { resolveResource } from "./resolve-resource.ts";
import { containerOf, resolveAll, resolveOne, resources, stackOf } from "./stack.test.support.ts";

const nothing = { output: () => undefined, generated: () => "g" };

test("an output that is not known yet defers the resource", () => {
  const stack = stackOf(
    resources("{ a: { container: { image: x, env: { A: '${resources.b.url}' } } }, b: { redis: {} } }"),
  );
  const [a, b] = stack.resources;
  expect(a && resolveResource(stack, a, nothing)).toEqual({
    type: "deferred",
    on: { name: "b", property: "url" },
  });
  expect(b && resolveResource(stack, b, nothing)).toMatchObject({ type: "resolved" });
});

test("outputs are put in the place of references in every text, and not scanned again", () => {
  const text =
    resources(`{ b: { redis: { password: "\${{ env.X }}" } }, a: { container: { image: "reg/\${resources.b.host}:1",
    command: [run, "\${resources.b.host}"], volumes: ["./\${resources.b.host}:/x"], working_dir: "/\${resources.b.host}",
    entrypoint: ["\${resources.b.host}"], user: "\${resources.b.host}", env: { P: "\${resources.b.password}" },
    healthcheck: { test: [CMD, "\${resources.b.host}"] } } } }`);
  const { image, spec } = containerOf(resolveOne(text, "a"));
  expect(image).toMatchObject({ reference: "reg/b:1" });
  expect(spec).toMatchObject({
    command: ["run", "b"],
    entrypoint: ["b"],
    workingDir: "/b",
    user: "b",
    env: { P: "${ env.X }" },
    mounts: [{ source: "/m/b" }],
    healthcheck: { test: ["CMD", "b"] },
  });
});

test("a missing variable is refused by name", () => {
  const stack = stackOf(resources("{ a: { container: { image: x, env: { A: '${env.B}${secret.A}' } } } }"));
  for (const resource of stack.resources) {
    expect(() => resolveResource(stack, resource, nothing)).toThrow(
      expect.objectContaining({
        code: "variable-missing",
        message: 'Cannot resolve "a": no value for env.B, secret.A',
      }),
    );
  }
});

test("an output that does not fit is refused where it stands", () => {
  const stack = stackOf(
    resources(
      "{ b: { external: { host: B-, port: 1 } }, a: { container: { image: 'x/${resources.b.host}' } } }",
    ),
  );
  const a = stack.resources[1];
  expect(() => a && resolveResource(stack, a, { ...nothing, output: () => "B-" })).toThrow(
    expect.objectContaining({ code: "manifest-invalid" }),
  );
});

test("a container has all its fields parsed", () => {
  const text = resources(`{ a: { container: { image: "redis:7", pull: always, platform: linux/arm64,
    ports: [8080, "127.0.0.1:0:53/udp"], env: { A: 1 }, secrets: { K: "\${secret.K}" },
    volumes: ["data:/data", "./conf:/conf:ro", "../up:/up", "/abs:/abs"], tmpfs: "/tmp:size=64m",
    entrypoint: "run me", command: "go", init: true, hostname: h, labels: { l: 1 }, networks: [shared],
    extra_hosts: ["x:1.2.3.4"], dns: 1.1.1.1, shm_size: 64m, ulimits: { nofile: 1024, nproc: { soft: 1, hard: 2 } },
    sysctls: { net.core.somaxconn: 1024 }, cap_add: [NET_ADMIN], cap_drop: [ALL], security_opt: [no-new-privileges],
    privileged: false, devices: [/dev/null], read_only: true, memory: 1g, cpus: 1.5, pids_limit: 100, user: 1000,
    logging: { options: { max-file: 5 } }, stop_signal: SIGINT, stop_grace: 1m30s,
    healthcheck: { test: "true", interval: 1s, timeout: 2s, retries: 7, start_period: 3s },
    restart: { mode: always, max: 9, window: 1h } } } }`);
  const resolved = resolveOne(text, "a", { secrets: { K: "hush" } });
  const work = containerOf(resolved);
  const tcp = { hostIp: "127.0.0.1", protocol: "tcp" };
  expect(work).toMatchObject({
    image: { type: "pull", reference: "redis:7", policy: "always" },
    volumes: ["shop_data"],
    labels: { l: "1" },
    networks: ["shared"],
  });
  expect(work.spec).toEqual({
    platform: "linux/arm64",
    entrypoint: ["sh", "-c", "run me"],
    command: ["sh", "-c", "go"],
    env: { A: "1", K: "hush" },
    workingDir: undefined,
    user: "1000",
    hostname: "h",
    init: true,
    ports: [
      { ...tcp, hostPort: 8080, containerPort: 8080 },
      { ...tcp, hostPort: 0, containerPort: 53, protocol: "udp" },
    ],
    mounts: [
      { type: "volume", source: "shop_data", target: "/data", readOnly: false },
      { type: "bind", source: "/m/conf", target: "/conf", readOnly: true },
      { type: "bind", source: "/up", target: "/up", readOnly: false },
      { type: "bind", source: "/abs", target: "/abs", readOnly: false },
      { type: "tmpfs", source: "", target: "/tmp", readOnly: false, options: "size=64m" },
    ],
    extraHosts: ["x:1.2.3.4"],
    dns: ["1.1.1.1"],
    shmSizeBytes: 64 * 1024 ** 2,
    ulimits: [
      { name: "nofile", soft: 1024, hard: 1024 },
      { name: "nproc", soft: 1, hard: 2 },
    ],
    sysctls: { "net.core.somaxconn": "1024" },
    capAdd: ["NET_ADMIN"],
    capDrop: ["ALL"],
    securityOpt: ["no-new-privileges"],
    privileged: false,
    devices: ["/dev/null"],
    readOnly: true,
    memoryBytes: 1024 ** 3,
    cpus: 1.5,
    pidsLimit: 100,
    logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "5" } },
    stopSignal: "SIGINT",
    stopGraceMs: 90_000,
    healthcheck: {
      test: ["CMD-SHELL", "true"],
      intervalMs: 1000,
      timeoutMs: 2000,
      retries: 7,
      startPeriodMs: 3000,
    },
  });
  expect(resolved).toMatchObject({
    ready: { type: "healthcheck" },
    readyTimeoutMs: 60_000,
    readyIntervalMs: 1000,
    restart: { mode: "always", max: 9, windowMs: 3_600_000 },
    stopGraceMs: 90_000,
    secrets: ["hush"],
  });
});

test("a built container has an absolute context and a tag of its own", () => {
  const text = resources(
    "{ a: { dockerfile: { context: ./api, target: dev, build_args: { V: 1.10 }, platform: linux/amd64 } } }",
  );
  expect(containerOf(resolveOne(text, "a")).image).toEqual({
    type: "build",
    context: "/m/api",
    dockerfile: "Dockerfile",
    target: "dev",
    buildArgs: { V: "1.10" },
    platform: "linux/amd64",
    tag: "lash/shop-a:latest",
  });
});

test("a secret from the secrets file is masked wherever it stands", () => {
  const text = resources("{ a: { container: { image: x, command: [login, 'pw=${secret.K}'] } } }");
  expect(resolveOne(text, "a", { secrets: { K: "hush" } })).toMatchObject({
    secrets: ["hush"],
    work: { spec: { command: ["login", "pw=hush"] } },
  });
});

test.each([
  ["{ http: /r }", { type: "http", port: 80, path: "/r", status: [200, 399] }],
  ["{ http: /r, port: 81, status: 204 }", { type: "http", port: 81, path: "/r", status: [204, 204] }],
  ["{ http: /r, status: 200-299 }", { type: "http", port: 80, path: "/r", status: [200, 299] }],
  ["{ tcp: '81' }", { type: "tcp", port: 81 }],
  ["{ exec: [a, b] }", { type: "exec", command: ["a", "b"] }],
  ["{ exec: a b }", { type: "exec", command: ["sh", "-c", "a b"] }],
  ["{ log: 'ready.*' }", { type: "log", pattern: "ready.*" }],
  ["{ timeout: 5s }", { type: "running" }],
])("ready %s", (ready, check) => {
  const text = resources(`{ a: { container: { image: x, ports: ["0:80"], ready: ${ready} } } }`);
  expect(resolveOne(text, "a").ready).toMatchObject(check);
});

test("without `ready` it is the healthcheck if there is one, and running otherwise", () => {
  const ready = (fields: string) =>
    resolveOne(resources(`{ a: { container: { image: x${fields} } } }`), "a").ready;
  expect(ready("")).toEqual({ type: "running" });
  expect(ready(", healthcheck: { test: x }")).toEqual({ type: "healthcheck" });
  expect(ready(", healthcheck: { test: [NONE] }")).toEqual({ type: "running" });
});

test("a task is ready when it completed and is not run again", () => {
  expect(resolveOne(resources("{ a: { task: { image: x, ready: { timeout: 2m } } } }"), "a")).toMatchObject({
    ready: { type: "completed" },
    readyTimeoutMs: 120_000,
    restart: { mode: "never" },
  });
});

test("a process has an absolute folder and no shell", () => {
  const text = resources(
    "{ a: { process: { command: [npm, run], working_dir: ./web, env: { A: b }, port: 5173 } } }",
  );
  expect(resolveOne(text, "a")).toMatchObject({
    work: {
      type: "process",
      command: ["npm", "run"],
      workingDir: "/m/web",
      env: { A: "b" },
      port: 5173,
      stopSignal: "SIGTERM",
    },
    ready: { type: "running" },
  });
});

test("only what depends on a process finds the host, and what a process needs is published on a free port", () => {
  const text =
    resources(`{ q: { redis: {} }, other: { redis: {} }, p: { process: { command: [x], port: 1, env: { U: "\${resources.q.url}" } } },
    a: { container: { image: x, env: { U: "\${resources.p.url}" } } }, b: { container: { image: x } } }`);
  const stack = stackOf(text);
  const spec = (name: string) => {
    const resource = stack.resources.find((candidate) => candidate.name === name);
    const result = resource && resolveResource(stack, resource, { output: () => "o", generated: () => "g" });
    return result?.type === "resolved" ? containerOf(result.resource).spec : undefined;
  };
  expect(spec("a")?.extraHosts).toEqual(["host.docker.internal:host-gateway"]);
  expect(spec("b")?.extraHosts).toEqual([]);
  expect(spec("q")?.ports).toEqual([
    { hostIp: "127.0.0.1", hostPort: 0, containerPort: 6379, protocol: "tcp" },
  ]);
  expect(spec("other")?.ports).toEqual([]);
});

test("resolving all resources gives each its dependencies' outputs", () => {
  const text =
    resources(`{ db: { postgres: {} }, api: { container: { image: x, ports: [80], env: { D: "\${resources.db.url}" } } },
    web: { container: { image: x, env: { U: "\${resources.api.url}" } } } }`);
  const all = resolveAll(stackOf(text));
  expect([...all.values()].map((resource) => containerOf(resource).spec.env)).toMatchObject([
    {},
    { D: "postgres://postgres:generated-db@db:5432/db" },
    { U: "http://api:80" },
  ]);
});
