import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { callEngine } from "../bed/engine-api.ts";
import { registryLogin, startRegistry } from "../bed/registry.ts";
import { startSocketProxy } from "../bed/socket-proxy.ts";
import { bringDown, openProject, web } from "../support/cli.ts";

test("a start with local images pulls nothing and needs no registry", async () => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({
    socket: proxy.socket,
    resources: `  db: { redis: { volume: false } }\n  api: ${web()}`,
  });
  await project.ok(["up", "-d"]);
  expect(proxy.count({ method: "POST", path: "/images/create" })).toBe(0);
  await bringDown(project);
});

test("an image of a locked registry is pulled with the docker configuration's credentials, and progress is told", async () => {
  await using registry = await startRegistry({ auth: true });
  const image = await registry.push(useBed().socket, "lash-base:1", "team/base:7");
  await using project = await openProject({
    resources: `  api: { container: { image: "${image}", command: [open-port, "80"], ready: { tcp: 80 } } }`,
  });
  const refused = await project.ok(["up", "-d"], { code: 1 });
  expect(refused.stderr).toContain(image);
  expect(await project.left()).toEqual([]);

  const auth = Buffer.from(`${registryLogin.username}:${registryLogin.password}`).toString("base64");
  await project.write(".docker/config.json", JSON.stringify({ auths: { [registry.address]: { auth } } }));
  try {
    const pulled = await project.ok(["up", "-d", "--json"]);
    expect(pulled.stdout).toContain(`"type":"resource_pulling","name":"api","image":"${image}"`);
    expect(pulled.stdout).toContain('"type":"resource_progress"');
    expect(pulled.stdout + pulled.stderr).not.toContain(registryLogin.password);
    await bringDown(project);
  } finally {
    await callEngine(useBed().socket, `/images/${image}?noprune=1&force=1`, { method: "DELETE" });
  }
});

test("an image that does not exist fails by name, before anything is created", async () => {
  await using registry = await startRegistry();
  await using project = await openProject({
    resources: `  api: { container: { image: "${registry.address}/none:1" } }`,
  });
  const result = await project.ok(["up", "-d"], { code: 1 });
  expect(result.stderr).toContain(`${registry.address}/none:1`);
  expect(await project.left()).toEqual([]);
});

test("a Dockerfile is built with its arguments and target, .dockerignore honoured, context relative to the manifest", async () => {
  await using project = await openProject({
    env: { GREETING: "hello" },
    resources: `
  api:
    dockerfile:
      context: ./api
      target: final
      build_args: { GREETING: "\${env.GREETING}" }
      ready: { tcp: 80 }`,
  });
  await project.write(
    "api/Dockerfile",
    `FROM lash-base:1 AS other
FROM lash-base:1 AS final
ARG GREETING
COPY . /copied
RUN echo "$GREETING" > /greeting
CMD ["open-port", "80"]
FROM other
`,
  );
  await project.write("api/.dockerignore", "secret.txt\nnode_modules\n");
  await project.write("api/secret.txt", "no\n");
  await project.write("api/node_modules/x.js", "no\n");
  await project.write("api/main.txt", "yes\n");
  await mkdir(join(project.folder, "deep/down"), { recursive: true });
  await project.ok(["up", "-d"], { cwd: join(project.folder, "deep/down") });
  const seen = await project.ok(["exec", "-T", "api", "sh", "-c", "cat /greeting; ls -A /copied"]);
  expect(seen.stdout).toContain("hello\n");
  expect(seen.stdout).toContain("main.txt");
  expect(seen.stdout).not.toContain("secret.txt");
  expect(seen.stdout).not.toContain("node_modules");
  await bringDown(project);
});

test("a build that fails says what the build said, and leaves no container", async () => {
  await using project = await openProject({ resources: "  api: { dockerfile: { context: ./api } }" });
  await project.write("api/Dockerfile", "FROM lash-base:1\nRUN echo no such cheese && exit 7\n");
  const result = await project.ok(["up"], { code: 1 });
  expect(result.stderr).toContain("no such cheese");
  expect(await project.left()).toEqual([]);
});

test("interpolation works in image, volumes, working_dir, healthcheck, command, env and labels", async () => {
  await using project = await openProject({
    env: { TAG: "1", WORK: "/srv", PORT: "81" },
    resources: `
  api:
    container:
      image: "lash-base:\${env.TAG}"
      working_dir: "\${env.WORK}"
      volumes: ["\${project.name}-v:/data\${env.WORK}", "./\${env.TAG}.txt:/one.txt:ro"]
      command: [open-port, "\${env.PORT}"]
      env: { PLAIN: "\${env.NONE:-\${env.WORK}}", LITERAL: "\${{ env.WORK }}", DOLLAR: "$HOME" }
      labels: { mine: "\${env.WORK}" }
      healthcheck: { test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:\${env.PORT}/"], interval: 1s }`,
  });
  await project.write("1.txt", "one\n");
  await project.write(".env", "WORK=/tmp\n");
  await project.ok(["up", "-d"]);
  const { Config: config, Mounts: mounts } = await project.inspect("api");
  expect(config).toMatchObject({ Image: "lash-base:1", WorkingDir: "/tmp", Cmd: ["open-port", "81"] });
  expect(config.Env).toEqual(expect.arrayContaining(["PLAIN=/tmp", "LITERAL=${ env.WORK }", "DOLLAR=$HOME"]));
  expect(config.Healthcheck?.Test.join(" ")).toContain("http://127.0.0.1:81/");
  expect(mounts.map(({ Destination }) => Destination).sort()).toEqual(["/data/tmp", "/one.txt"]);
  expect((await project.container("api")).labels["mine"]).toBe("/tmp");
  await bringDown(project, ["--volumes"]);
});
