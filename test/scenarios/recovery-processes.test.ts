import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Engine, startDocker } from "../bed/engine.ts";
import { askEngine } from "../bed/engine-api.ts";
import { waitFor } from "../bed/processes.ts";
import { openSmallDisk } from "../bed/small-disk.ts";
import { ownAddresses } from "../support/cli.ts";
import { openScene, type Scene } from "../support/failed-up.ts";

const versions = ["20.10", "28"] as const;
type Version = (typeof versions)[number];

const engines = new Map<Version, Engine>();

beforeAll(async () => {
  for (const version of versions) {
    const engine = await startDocker({ version, args: ownAddresses(version === "28" ? 23 : 16) });
    engines.set(version, engine);
    await engine.loadImages("base");
  }
});
afterAll(async () => {
  for (const engine of engines.values()) await engine.stop();
});

/** A stack of one container with these fields. */
function scene(fields: string, version: Version = "20.10"): Promise<Scene> {
  return openScene({
    socket: engines.get(version)?.socket ?? "",
    resources: `  api: { container: { image: "lash-base:1", ${fields} } }`,
  });
}

async function runningContainer({ project }: Scene) {
  return await waitFor(async () => (await project.containers()).find(({ state }) => state === "running"), {
    timeoutMs: 20_000,
    describe: () => `no container of "${project.name}" runs`,
  });
}

test.each(versions)("the source of a mount is not there, and is not made (Docker %s)", async (version) => {
  await using one = await scene(`command: [open-port, "80"], volumes: ["./none:/data"]`, version);
  const { failure } = await one.failedUp();
  const path = join(one.project.folder, "none");
  expect(failure).toMatchObject({ code: "mount-source-missing", subject: "api", details: { path } });
  expect(failure.evidence).toContain(`bind source path does not exist: ${path}`);
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 0 });
});

test.each(versions)("a folder is mounted onto a file (Docker %s)", async (version) => {
  await using one = await scene(`command: [open-port, "80"], volumes: ["./folder:/etc/passwd"]`, version);
  await mkdir(join(one.project.folder, "folder"));
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "mount-type-mismatch",
    subject: "api",
    details: { path: join(one.project.folder, "folder") },
  });
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});

test.each(versions)("a file is mounted onto a folder (Docker %s)", async (version) => {
  await using one = await scene(`command: [open-port, "80"], volumes: ["./file:/usr"]`, version);
  await one.project.write("file", "text\n");
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "mount-type-mismatch",
    subject: "api",
    details: { path: join(one.project.folder, "file") },
  });
});

test.each(versions)("the command is not in the image (Docker %s)", async (version) => {
  await using one = await scene(`command: [no-such-program, "80"]`, version);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "bad-entrypoint", subject: "api" });
  expect(failure.evidence).toContain(`"no-such-program": executable file not found in $PATH`);
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});

test.each(versions)("the command may not be executed (Docker %s)", async (version) => {
  await using one = await scene(`command: [/etc/passwd]`, version);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "bad-entrypoint", subject: "api" });
  expect(failure.evidence).toContain("permission denied");
});

test.each(versions)("the command is no program of this machine (Docker %s)", async (version) => {
  await using one = await scene(
    `command: [/program], volumes: ["./program:/program:ro"], ready: { tcp: 80 }`,
    version,
  );
  await one.project.write("program", "\u0001\u0002 nothing that runs\n");
  await chmod(join(one.project.folder, "program"), 0o755);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "exec-format", subject: "api", exitCode: 1 });
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});

test("more memory than it may have", async () => {
  await using one = await scene(`command: [tail, /dev/zero], memory: 16m, ready: { tcp: 80 }`);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "out-of-memory", subject: "api", exitCode: 137 });
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});

test("it is killed from outside: not out of memory", async () => {
  await using one = await scene(`command: [open-port, "80", "60"], ready: { tcp: 80 }`);
  const failing = one.failedUp();
  await one.proxy.waitForCall({ method: "POST", path: /\/start/ });
  const { id } = await runningContainer(one);
  await askEngine(engines.get("20.10")?.socket ?? "", `/containers/${id}/kill`, { method: "POST" });
  const { failure } = await failing;
  expect(failure).toMatchObject({ code: "crashed", subject: "api", exitCode: 137 });
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});

test("it ends by itself, and its own words about a port are no port conflict", async () => {
  await using one = await scene(
    `command: "echo 'listen tcp4 0.0.0.0:80: bind: address already in use' >&2; exit 3", ready: { tcp: 80 }`,
  );
  const { failure, lines } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "crashed",
    subject: "api",
    exitCode: 3,
    logTail: ["listen tcp4 0.0.0.0:80: bind: address already in use"],
  });
  expect(lines.map(({ type }) => type)).not.toContain("repair_started");
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});

test("it ends again and again", async () => {
  await using one = await scene(`command: "echo no luck; exit 4", restart: always, ready: { tcp: 80 }`);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "crash-loop", subject: "api", exitCode: 4 });
  expect(failure.logTail).toContain("no luck");
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});

test("its health check fails, and the check's last words are told", async () => {
  await using one = await scene(
    `command: [sleep, "60"], stop_signal: SIGKILL, healthcheck: { test: "echo not well today; exit 1", interval: 300ms, timeout: 1s, retries: 2, start_period: 0s }, ready: { healthcheck: true, timeout: 4s }`,
  );
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "unhealthy", subject: "api" });
  expect(failure.evidence).toContain("not well today");
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});

test("it is not ready in time", async () => {
  await using one = await scene(`command: [open-port, "80"], ready: { tcp: 81, timeout: 1s }`);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "not-ready-in-time", subject: "api" });
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});

test("the disk is full: nothing is pruned", async () => {
  await using disk = await openSmallDisk({ megabytes: 100 });
  const small = await startDocker({ args: ownAddresses(17), dataRoot: disk.path });
  try {
    await small.loadImages("base");
    await using one = await openScene({
      socket: small.socket,
      resources: `  api: { container: { image: "lash-base:1", command: [open-port, "80"], ready: { tcp: 80 } } }`,
    });
    // Its network first, for without a byte on the disk it would not get as far as a container.
    const name = `lash-${one.project.name}`;
    const network = { Name: name, Labels: { "lash.project": one.project.name } };
    await askEngine(small.socket, "/networks/create", { method: "POST", body: network });
    await disk.fill();
    const { failure } = await one.failedUp({ left: [name] });
    expect(failure).toMatchObject({ code: "disk-full", subject: "api" });
    expect(failure.evidence).toContain("no space left on device");
    expect(one.attempts()).toMatchObject({ creates: 1, starts: 0 });
    await disk.free();
  } finally {
    await small.stop();
  }
});
