import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { type Engine, startDocker, startPodman } from "../bed/engine.ts";
import { runOrThrow } from "../bed/processes.ts";
import { bringDown, openProject, ownAddresses, statuses, web } from "../support/cli.ts";

const engines: readonly (readonly [string, () => Promise<Engine>])[] = [
  ["Docker 28", () => startDocker({ version: "28", args: ownAddresses(3) })],
  ["Podman 4.3", () => startPodman()],
];

describe.each(engines)("%s", (name, start) => {
  test("the basic life: up, ps, logs, exec, restart, down", async () => {
    await using engine = await start();
    await engine.loadImages("base");
    await using project = await openProject({
      socket: engine.socket,
      resources: `
  db: ${web(0.3)}
  once: { task: { image: "lash-base:1", command: "wget -q -O - http://db:80/", depends_on: [db] } }
  api: { container: { image: "lash-base:1", command: [open-port, "80"], ports: ["0:80"], volumes: ["data:/data"], healthcheck: { test: "wget -q -O /dev/null http://127.0.0.1:80/", interval: 1s }, depends_on: [once] } }`,
    });
    await project.ok(["up", "-d"]);
    expect(await statuses(project)).toEqual(["db ready", "once completed", "api ready"]);
    const logs = await project.ok(["logs"]);
    expect(logs.stdout).toMatch(/^once +\| ok$/m);
    expect(logs.stdout).toMatch(/^api +\| opened 80/m);
    const executed = await project.ok(["exec", "-T", "api", "sh", "-c", "echo inside; exit 5"], { code: 5 });
    expect(executed.stdout).toBe("inside\n");
    const before = await project.container("api");
    await project.ok(["restart", "api"]);
    expect((await project.container("api")).id).toBe(before.id);
    expect((await project.container("api")).state).toBe("running");
    await project.ok(["up", "-d"]);
    expect((await project.container("api")).id).toBe(before.id);
    await bringDown(project);
    expect(await project.volumes()).toEqual([`${project.name}_data`]);
    await bringDown(project, ["--volumes"]);
    expect(await project.volumes()).toEqual([]);
  });

  test("a signal during start-up leaves nothing, and a crash is seen within a second", async () => {
    await using engine = await start();
    await engine.loadImages("base");
    await using project = await openProject({ socket: engine.socket, resources: `  slow: ${web(60)}` });
    const cancelled = project.start(["up", "--json"]);
    await cancelled.event("resource_started");
    cancelled.signal("SIGINT");
    expect((await cancelled.ended).code).toBe(130);
    expect(await project.left()).toEqual([]);

    await project.manifest(
      `  api: { container: { image: "lash-base:1", command: "while ! [ -e /tmp/end ]; do sleep 0.02; done; exit 9" } }\n  other: ${web()}`,
    );
    const up = project.start(["up", "--json"]);
    await up.event("stack_started");
    await project.ok(["exec", "api", "touch", "/tmp/end"]);
    expect(await up.event("resource_exited", "api")).toMatchObject({ exit_code: 9 });
    up.signal("SIGTERM");
    expect((await up.ended).code).toBe(0);
    expect(await project.left(), `of ${name}`).toEqual([]);
  });
});

test("a Dockerfile that only BuildKit can build is built on Docker 28", async () => {
  await using engine = await startDocker({ version: "28", args: ownAddresses(3) });
  await engine.loadImages("base");
  await using project = await openProject({
    socket: engine.socket,
    resources: "  api: { dockerfile: { context: ./api, ready: { tcp: 80 } } }",
  });
  await project.write(
    "api/Dockerfile",
    `FROM lash-base:1
RUN --mount=type=cache,target=/cache echo from buildkit > /cache/x && cp /cache/x /x
CMD ["open-port", "80"]
`,
  );
  await project.ok(["up", "-d"]);
  expect((await project.ok(["exec", "-T", "api", "cat", "/x"])).stdout).toBe("from buildkit\n");
  await bringDown(project);
});

test("the process engine: the basic life without any container engine", async () => {
  await using project = await openProject({
    env: { DOCKER_HOST: "unix:///nowhere/docker.sock" },
    resources: `
  api:
    process:
      command: ["node", "-e", "require('http').createServer((q, s) => s.end('hi')).listen(process.env.PORT, '127.0.0.1', () => console.log('marker'))"]
      env: { PORT: "\${ports.api}" }
      port: \${ports.api}
      ready: { http: / }
  client:
    process:
      command: ["node", "-e", "fetch(process.env.LSH_API_URL).then((r) => r.text()).then((t) => console.log('got ' + t)); setInterval(() => {}, 1000)"]
      depends_on: [api]
      ready: { log: "^got hi$" }
ports: { default: { api: ${20_000 + (process.pid % 20_000)} } }`.replace(
      "port: ${ports.api}",
      `port: ${20_000 + (process.pid % 20_000)}`,
    ),
  });
  await project.ok(["up", "-d"]);
  expect(await statuses(project)).toEqual(["api ready", "client ready"]);
  expect((await project.ok(["logs"])).stdout).toMatch(/^client +\| got hi$/m);
  expect(
    (
      await project.ok(["exec", "-T", "api", "node", "-e", "console.log(1 + 1); process.exit(4)"], {
        code: 4,
      })
    ).stdout,
  ).toBe("2\n");
  await project.ok(["restart", "client"]);
  expect(await project.processes()).not.toEqual([]);
  await project.ok(["down"]);
  expect(await project.processes()).toEqual([]);
  expect((await statuses(project)).join()).not.toContain("ready");
});

// Lash asks the container's address from here, without knowing that it is the container's: of a remote engine, or one
// in a virtual machine, the address may be anybody's.
test("a port check is not passed by somebody else here who has the container's address", async () => {
  await using engine = await startDocker({ args: ownAddresses(4) });
  await engine.loadImages("base");
  await using project = await openProject({
    socket: engine.socket,
    resources: `  slow: ${web(60, "ready: { tcp: 80, timeout: 3s }")}`,
  });
  const address = "10.104.1.2";
  await runOrThrow(["ip", "address", "add", `${address}/32`, "dev", "lo"]);
  const impostor = createServer((socket) => socket.destroy()).listen(80, address);
  try {
    await project.ok(["up", "-d"], { code: 1 });
  } finally {
    impostor.close();
    await runOrThrow(["ip", "address", "del", `${address}/32`, "dev", "lo"]);
  }
});
