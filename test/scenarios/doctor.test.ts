import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { z } from "zod";
import { doctorSchema } from "../../src/cli/json.ts";
import { useBed } from "../bed/bed.ts";
import { askEngine, callEngine, type Engine, startDocker } from "../bed/engine.ts";
import { runOrThrow } from "../bed/processes.ts";
import { openSmallDisk } from "../bed/small-disk.ts";
import { startSocketProxy } from "../bed/socket-proxy.ts";
import { freePort, openProject, type Project, web } from "../support/cli.ts";
import { listenIn } from "../support/listener.ts";

type Report = z.infer<typeof doctorSchema>;

const everyCheck = [
  "manifest",
  "variables",
  "secrets",
  "engine",
  "socket",
  "api version",
  "engine choice",
  "ports",
  "other bundles",
  "network pools",
  "engine disk",
  "own disk",
  "images",
  "bind mounts",
  "networks",
  "names",
];

async function diagnose(project: Project): Promise<Report & { readonly code: number; readonly ms: number }> {
  const { code, stdout, ms } = await project.lash(["doctor", "--json"]);
  return { ...doctorSchema.strict().parse(JSON.parse(stdout)), code, ms };
}

/** What went wrong, as "code subject". */
function problemsOf(report: Report): readonly string[] {
  return report.checks.flatMap(({ problems }) =>
    problems.map(({ code, subject }) => `${code} ${subject}`.trim()),
  );
}

function saidOf(report: Report, name: string): string {
  const check = report.checks.find((each) => each.name === name);
  return `${check?.outcome}: ${check?.said}`;
}

test.concurrent("a healthy machine: every check is named, nothing is changed, exit 0", async () => {
  const port = await freePort();
  await using project = await openProject({
    resources: `ports:\n  first: { web: ${port} }\n  second: { web: ${await freePort()} }
resources:\n  api: ${web(0, 'ports: ["${ports.web}:80"], volumes: ["./:/here:ro"], ready: { tcp: 80 }, env: { HOME_OF: "${env.HOME}" }')}`,
  });
  const before = await diagnose(project);
  expect(problemsOf(before)).toEqual([]);
  expect(before).toMatchObject({ code: 0, verdict: "ready", project: project.name });
  expect(before.checks.map(({ name }) => name)).toEqual(everyCheck);
  expect(saidOf(before, "ports")).toBe("ok: 1 port free");
  expect(saidOf(before, "images")).toContain("ok: 1 of 1 image here");
  expect(saidOf(before, "other bundles")).toMatch(/^note: "second": web \d+ free$/);
  expect(await project.left()).toEqual([]);

  const { stdout, stderr } = await project.ok(["doctor"]);
  for (const name of everyCheck) expect(stdout).toMatch(new RegExp(`^[v!-] ${name} `, "m"));
  expect(stdout).toContain("nothing was found that would stop `lash up`");
  expect(stderr).toBe("");
});

test.concurrent("everything wrong at once is named, each with its holder or place, and nothing is touched", async () => {
  await using disk = await openSmallDisk({ megabytes: 90 });
  // Addresses for two networks, and one of them for docker0.
  const pools = ["--bip=10.141.0.1/24", "--default-address-pool=base=10.142.0.0/23,size=24"];
  await using engine = await startDocker({ dataRoot: disk.path, args: pools });
  await engine.loadImages("base");
  await using scene = await makeTrouble(engine);
  const { project, holder, holder6 } = scene;

  const report = await diagnose(project);
  expect(problemsOf(report).toSorted()).toEqual(
    [
      "variable-missing bare",
      "variable-missing bare",
      "port-in-use web",
      "port-in-use proxy",
      "port-in-use six",
      "host-address-missing far",
      "mount-source-missing web",
      "name-in-use named",
      "name-in-use",
      "image-wrong-platform arm",
      "image-not-found never",
      "network-pool-exhausted",
      "disk-full",
      "external-missing bare",
    ].toSorted(),
  );
  expect(report).toMatchObject({ code: 1, verdict: "trouble" });
  const ports = report.checks.find(({ name }) => name === "ports")?.problems ?? [];
  expect(ports.find(({ subject }) => subject === "web")?.holder).toEqual({
    type: "process",
    pid: holder.pid,
    name: "node",
    address: "0.0.0.0",
  });
  expect(ports.find(({ subject }) => subject === "six")?.holder).toMatchObject({
    type: "process",
    pid: holder6.pid,
    address: "::",
  });
  expect(ports.find(({ subject }) => subject === "proxy")?.holder).toEqual({
    type: "container",
    container: "stranger",
    by: "compose",
    project: "ci",
    file: "/srv/ci/compose.yaml",
    ours: false,
  });

  const { code, stdout } = await project.lash(["doctor"]);
  expect(code).toBe(1);
  expect(stdout).toContain("14 problems that would stop `lash up`");
  expect(stdout).toContain('compose project "ci"');
  expect(stdout).toContain(`pid ${holder.pid}`);
  expect(holder.isAlive() && holder6.isAlive()).toBe(true);
  const [stranger] = await askEngine<{ State: string }[]>(engine.socket, "/containers/json");
  expect(stranger?.State).toBe("running");
  expect(await project.left()).toEqual([]);
}, 60_000);

test.concurrent("no engine: exit 3 when nothing else is wrong, 1 when something is, 0 when none is needed", async () => {
  await using project = await openProject({
    socket: "/nonexistent/engine.sock",
    resources: `  api: ${web()}`,
  });
  const alone = await diagnose(project);
  expect(alone).toMatchObject({ code: 3, verdict: "no-engine" });
  expect(problemsOf(alone)).toEqual(["engine-unreachable"]);
  await project.manifest(`  api: ${web(0, 'env: { A: "${env.NOT_THERE}" }')}`);
  expect(await diagnose(project)).toMatchObject({ code: 1, verdict: "trouble" });
  await project.manifest('  app: { process: { command: [sleep, "60"], ready: { log: here } } }');
  expect(await diagnose(project)).toMatchObject({ code: 0, verdict: "ready" });
  await project.manifest("  app: { container: { imag: x } }");
  const invalid = await diagnose(project);
  expect(invalid.code).toBe(1);
  expect(problemsOf(invalid)).toContain("manifest-invalid");
  await rm(join(project.folder, "lash.yml"));
  expect((await diagnose(project)).code).toBe(3);
});

test.concurrent("an engine that does not answer is given up on in time", async () => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({ socket: proxy.socket, resources: `  api: ${web()}` });
  proxy.pauseAll();
  try {
    const report = await diagnose(project);
    expect(report).toMatchObject({ code: 3, verdict: "no-engine" });
    expect(report.checks.map(({ name }) => name)).toEqual(everyCheck);
    expect(report.ms).toBeLessThan(9000);
  } finally {
    proxy.resume();
  }
});

test.concurrent("an engine in a network of its own is not taken for one whose ports are ours", async () => {
  await using engine = await startDocker({ args: ["--bip=10.143.0.1/24"] });
  await engine.loadImages("base");
  await using project = await openProject({
    socket: engine.socket,
    resources: `  api: ${web(0, `ports: ["${await freePort()}:80"]`)}`,
  });
  await makeStranger(engine, 18_085);
  const { checks, code } = await diagnose(project);
  expect(code).toBe(0);
  expect(saidOf({ checks, verdict: "ready" }, "ports")).toMatch(
    /^note: .*cannot be tried from here: port 18085/,
  );
});

test.concurrent("the port of a native process: taken by another, then held by the stack itself; any free one for a container", async () => {
  await using server = await listen();
  await using taken = await listen();
  const { port } = server;
  const serve = `require("node:net").createServer().listen(${port}, "127.0.0.1")`;
  await using project = await openProject({
    resources: `recovery: { ports: any-free }
resources:
  app: { process: { command: [node, -e, '${serve}'], port: ${port}, ready: { tcp: ${port} } } }
  api: ${web(0, `ports: ["${taken.port}:80"]`)}`,
  });
  const before = await diagnose(project);
  expect(problemsOf(before)).toEqual(["port-in-use app"]);
  const found = before.checks.flatMap(({ problems }) => problems)[0]?.holder;
  expect(found).toMatchObject({ type: "process", pid: process.pid });
  expect(saidOf(before, "ports")).toMatch(/^problem: 1 of 2 cannot be had; .*will take another port/);
  await server[Symbol.asyncDispose]();
  await project.ok(["up", "-d"]);
  const own = await diagnose(project);
  expect(own.code).toBe(0);
  expect(saidOf(own, "ports")).toBe("ok: 2 ports held by this stack itself");
});

test.concurrent("a stack is judged on the bundle that it moved to, and is not taken for one of another folder", async () => {
  await using taken = await listen();
  const [api, other, otherApi] = [await freePort(), await freePort(), await freePort()];
  await using project = await openProject({
    resources: `ports:
  first: { web: ${taken.port}, api: ${api} }
  second: { web: ${other}, api: ${otherApi} }
resources:
  web: ${web(0, 'ports: ["127.0.0.1:${ports.web}:80", "[::1]:${ports.web}:80"]')}`,
  });
  const before = await diagnose(project);
  expect(before).toMatchObject({ code: 0, verdict: "ready" });
  expect(saidOf(before, "ports")).toMatch(
    new RegExp(`^note: .*${taken.port}.* is taken by process .*will move to bundle "second": web ${other}`),
  );
  await project.ok(["up", "-d"]);
  // `up` refuses the same project of another folder.
  const manifest = await readFile(join(project.folder, "lash.yml"), "utf8");
  await using copy = await openProject({ name: project.name, resources: manifest });
  const elsewhere = await diagnose(copy);
  expect(elsewhere).toMatchObject({ code: 1, verdict: "trouble" });
  expect(problemsOf(elsewhere)).toEqual(["name-in-use"]);
  const [told] = elsewhere.checks.flatMap(({ problems }) => problems);
  expect(told?.message).toContain(join(project.folder, "lash.yml"));
  expect(saidOf(elsewhere, "ports")).toMatch(new RegExp(`^note: .*${other}.*"${project.name}.web"`));

  await project.ok(["stop"]);
  const stopped = await diagnose(project);
  expect(stopped.code).toBe(0);
  // One number on two addresses: looking at one must not be in the way of looking at the other.
  expect(saidOf(stopped, "ports")).toBe("ok: 2 ports free");
  expect(saidOf(stopped, "other bundles")).toContain(`"first": web ${taken.port} taken by`);
});

/** A port that this process has. */
async function listen(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const found = server.address();
  return {
    port: typeof found === "object" && found !== null ? found.port : 0,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
}

interface Scene extends AsyncDisposable {
  readonly project: Project;
  readonly holder: Awaited<ReturnType<typeof listenIn>>;
  readonly holder6: Awaited<ReturnType<typeof listenIn>>;
}

/** A project that wants what others have, on an engine whose network is its own, so any port there is free at first. */
async function makeTrouble(engine: Engine): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const holder = stack.use(await listenIn(engine, { address: "0.0.0.0", port: 18_081 }));
  const holder6 = stack.use(await listenIn(engine, { address: "::", port: 18_083 }));
  const project = stack.use(await openProject({ socket: engine.socket, under: engine.nsenterArgv([]) }));
  await project.manifest(`
  web: ${web(0, 'ports: ["18081:80"], volumes: ["./not/there:/data"]')}
  proxy: ${web(0, 'ports: ["18082:80"]')}
  six: ${web(0, 'ports: ["[::]:18083:80"]')}
  far: ${web(0, 'ports: ["192.0.2.1:18084:80"]')}
  bare: ${web(0, 'env: { A: "${env.LASH_TEST_MISSING}", B: "${secret.LASH_TEST_KEY}" }, networks: [not-there]')}
  named: ${web()}
  arm: { container: { image: "arm:1" } }
  never: { container: { image: "nobody/has-this:1", pull: never } }
`);
  await makeStranger(engine, 18_082);
  await create(engine, `${project.name}.named`, {});
  for (const name of [`lash-${project.name}`, "another"]) {
    await askEngine(engine.socket, "/networks/create", { method: "POST", body: { Name: name } });
  }
  await loadForeignImage(engine);
  const owned = stack.move();
  return { project, holder, holder6, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}

async function create(engine: Engine, name: string, body: object): Promise<void> {
  const path = `/containers/create?name=${name}`;
  await askEngine(engine.socket, path, { method: "POST", body: { Image: "lash-base:1", ...body } });
}

/** A container of somebody's Compose project that publishes a port. */
async function makeStranger(engine: Engine, port: number): Promise<void> {
  await create(engine, "stranger", {
    Cmd: ["sleep", "600"],
    Labels: {
      "com.docker.compose.project": "ci",
      "com.docker.compose.project.config_files": "/srv/ci/compose.yaml",
    },
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "", HostPort: String(port) }] } },
  });
  await askEngine(engine.socket, "/containers/stranger/start", { method: "POST" });
}

/** "arm:1", an image of one empty layer for a processor that is not this one. */
async function loadForeignImage(engine: Engine): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lash-i-"));
  try {
    // An empty tar: two blocks of zeros.
    const layer = Buffer.alloc(1024);
    const digest = createHash("sha256").update(layer).digest("hex");
    const config = {
      architecture: process.arch === "arm64" ? "amd64" : "arm64",
      os: "linux",
      config: { Cmd: ["/app"] },
      rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    };
    await writeFile(join(folder, "layer.tar"), layer);
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    const manifest = [{ Config: "config.json", RepoTags: ["arm:1"], Layers: ["layer.tar"] }];
    await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
    const file = join(folder, "image.tar");
    await runOrThrow(["tar", "-C", folder, "-cf", file, "manifest.json", "config.json", "layer.tar"]);
    const answer = await callEngine(engine.socket, "/images/load?quiet=1", { method: "POST", file });
    expect(answer.text).not.toContain("error");
  } finally {
    await rm(folder, { recursive: true });
  }
}
