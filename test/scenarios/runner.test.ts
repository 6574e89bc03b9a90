import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDocker } from "../../src/drivers/docker/docker.ts";
import { unixEndpoint } from "../../src/drivers/engine-api/endpoint.ts";
import { openRunner, type RunnerEngine } from "../../src/drivers/runner/open.ts";
import type { ContainerSpec } from "../../src/model/container-spec.ts";
import { useBed } from "../bed/bed.ts";
import { type RunnerProcess, startRunner } from "../support/runner-process.ts";

// `lash runner` as a process, before a real engine.

const sharedSecret = "the secret of the scenarios";
const { signal } = new AbortController();
const tag = randomBytes(4).toString("hex");
let folder = "";

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "lash-runner-test-")));
});
afterEach(async () => {
  await using docker = openDocker(unixEndpoint(useBed().socket));
  for (const { id } of await docker.list({ "runner-test": tag }, { signal }))
    await docker.remove(id, { signal });
  await rm(folder, { recursive: true });
});

function start(environment: Readonly<Record<string, string>> = {}): Promise<RunnerProcess> {
  return startRunner({
    DOCKER_SOCKET: useBed().socket,
    DOCKER_RUNNER_SHARED_SECRET: sharedSecret,
    ...environment,
  });
}

function open(runner: { readonly url: string }, more: object = {}): RunnerEngine {
  return openRunner({ baseUrl: runner.url, sharedSecret, ...more });
}

function spec(name: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  const command = ["sh", "-c", "trap 'exit 0' TERM; echo serving; while :; do sleep 0.05; done"];
  return {
    name: `${name}-${tag}`,
    labels: { "runner-test": tag },
    image: "lash-base:1",
    env: {},
    command,
    ...more,
  };
}

async function textOf(output: AsyncIterable<{ readonly data: Uint8Array }>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const { data } of output) parts.push(data);
  return Buffer.concat(parts).toString("utf8");
}

async function outputOf(engine: RunnerEngine, container: string, script: string): Promise<string> {
  await using session = await engine.exec(container, { signal, command: ["sh", "-c", script] });
  return await textOf(session.output);
}

test("a command that takes too long is ended with all it started, and nothing else is", async () => {
  await using runner = await start();
  await using engine = open(runner);
  const { name } = spec("exec");
  await engine.create(spec("exec"), { signal });
  await engine.start(name, { signal });
  await using bystander = await engine.exec(name, { signal, command: ["sleep", "555"] });
  // Children of its own, one in a session of its own, and the leader ignores SIGTERM.
  const script = "trap '' TERM; sleep 666 & setsid sleep 666 & echo begun; sleep 666";
  await using session = await engine.exec(name, { signal, command: ["sh", "-c", script], timeoutMs: 500 });
  expect(await textOf(session.output)).toBe("begun\n");
  expect(await session.ended).toMatchObject({ reason: "timeout", stdout: "begun\n", stderr: "" });
  await expect(session.exitCode).rejects.toMatchObject({ code: "timed-out" });
  const processes = await outputOf(engine, name, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '");
  expect(processes).not.toContain("sleep 666");
  expect(processes).toContain("sleep 555");
  expect((await engine.inspect(name, { signal }))?.state).toBe("running");
  bystander.cancel();
  expect(await bystander.ended).toMatchObject({ reason: "cancelled", exitCode: 143 });
});

test("a terminal takes input and sizes, and ends with its shell", async () => {
  await using runner = await start();
  await using engine = open(runner);
  const { name } = spec("terminal");
  await engine.create(spec("terminal"), { signal });
  await engine.start(name, { signal });
  await using session = await engine.exec(name, { signal, command: ["sh"], tty: true, stdin: true });
  await session.resize(123, 45);
  await session.write(Buffer.from("stty size; exit 7\n"));
  expect(await textOf(session.output)).toContain("45 123");
  expect(await session.exitCode).toBe(7);
});

test("containers that the key's owner has not made are refused, and not listed", async () => {
  await using docker = openDocker(unixEndpoint(useBed().socket));
  await using runner = await start();
  await using engine = open(runner);
  const { id } = await docker.create(spec("foreign"), { signal });
  await docker.start(id, { signal });
  const { name } = spec("foreign");
  const calls = [
    () => engine.inspect(name, { signal }),
    () => engine.stop(id, { signal, graceMs: 0 }),
    () => engine.kill(id.slice(0, 12), { signal, signalName: "SIGKILL" }),
    () => engine.remove(name, { signal }),
    () => engine.exec(id, { signal, command: ["true"] }),
    () => engine.wait(id, { signal }),
  ];
  for (const call of calls)
    await expect(call()).rejects.toMatchObject({ code: "engine-refused", data: { status: 403 } });
  expect(await engine.list({ "runner-test": tag }, { signal })).toEqual([]);
  expect((await docker.inspect(id, { signal }))?.state).toBe("running");
});

test("a link that a container lays in a shared folder leads nowhere", async () => {
  const [root, secret] = [join(folder, "shared"), join(folder, "secret")];
  await mkdir(root);
  await mkdir(secret);
  await writeFile(join(secret, "key"), "s3cret");
  const policy = join(folder, "policy.yml");
  await writeFile(policy, `binds:\n  - ${root}\n`);
  await using runner = await start({ DOCKER_RUNNER_POLICY: policy });
  await using engine = open(runner);
  const bind = (source: string): Partial<ContainerSpec> => ({
    mounts: [{ type: "bind", source, target: "/mnt", readOnly: false }],
  });
  await engine.create(spec("good", bind(root)), { signal });
  await engine.start(spec("good").name, { signal });
  await outputOf(engine, spec("good").name, `ln -s ${secret} /mnt/out`);
  for (const source of [join(root, "out"), secret, "/", `${root}/../secret`])
    await expect(engine.create(spec("bad", bind(source)), { signal })).rejects.toMatchObject({
      code: "engine-refused",
      data: { status: 403, errorCode: "policy_refused" },
    });
});

test("a runner that is killed and started again goes on with the same containers", async () => {
  const port = await freePort();
  const settings = { DOCKER_RUNNER_PORT: String(port) };
  const first = await start(settings);
  await using engine = open(first);
  const { name } = spec("kept");
  const { id } = await engine.create(spec("kept"), { signal });
  await engine.start(name, { signal });
  first.signal("SIGKILL");
  await first.exited;
  await expect(engine.inspect(name, { signal })).rejects.toMatchObject({ data: { reason: "refused" } });
  await first[Symbol.asyncDispose]();
  await using _second = await start(settings);
  expect(await engine.inspect(name, { signal })).toMatchObject({ id, state: "running" });
  await engine.stop(name, { signal, graceMs: 3000 });
  await engine.remove(name, { signal });
});

test("SIGTERM ends a runner in time, with streams open; SIGHUP makes it read its keys again", async () => {
  const policy = join(folder, "policy.yml");
  const secretFile = join(folder, "second");
  await writeFile(secretFile, "the second secret\n");
  await writeFile(policy, "keys:\n  - { id: default, owner: platform }\n");
  await using runner = await start({ DOCKER_RUNNER_POLICY: policy });
  await using engine = open(runner);
  await using next = open(runner, { sharedSecret: "the second secret", keyId: "next" });
  await expect(next.ready({ signal })).rejects.toMatchObject({ data: { reason: "auth-failed" } });
  await engine.create(spec("both"), { signal });
  await engine.start(spec("both").name, { signal });
  const second = `  - { id: next, owner: platform, secretFile: ${secretFile} }\n`;
  await writeFile(policy, `keys:\n  - { id: default, owner: platform }\n${second}`);
  runner.signal("SIGHUP");
  await expect.poll(() => next.ready({ signal }).then(() => "ready", String)).toBe("ready");
  expect(await next.inspect(spec("both").name, { signal })).toMatchObject({ state: "running" });
  const waiting = next.wait(spec("both").name, { signal }).catch((error: unknown) => error);
  await writeFile(policy, "keys: nonsense\n");
  runner.signal("SIGHUP");
  await expect.poll(async () => (await runner.logs()).some(({ level }) => level === 50)).toBe(true);
  await engine.ready({ signal });
  const begun = performance.now();
  runner.signal("SIGTERM");
  await runner.exited;
  expect(performance.now() - begun).toBeLessThan(3000);
  expect(await waiting).toMatchObject({ code: "engine-unreachable" });
  expect(JSON.stringify(await runner.logs())).not.toMatch(
    /second secret|secret of the scenarios|x-dr-signature/,
  );
});

test("over TLS it is trusted by its certificate only", async () => {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  execFileSync(
    "openssl",
    [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1".split(
        " ",
      ),
      ...["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
    ],
    { stdio: "ignore" },
  );
  await using runner = await start({ DOCKER_RUNNER_TLS_CERT: cert, DOCKER_RUNNER_TLS_KEY: key });
  expect(runner.url).toMatch(/^https:/);
  await using blind = open(runner);
  await expect(blind.ready({ signal })).rejects.toMatchObject({ data: { reason: "tls" } });
  await using engine = open(runner, { ca: await readFile(cert, "utf8") });
  expect(await engine.ready({ signal })).toMatchObject({ owner: "default" });
  await engine.create(spec("tls"), { signal });
  await engine.start(spec("tls").name, { signal });
  expect(await outputOf(engine, spec("tls").name, "echo over tls")).toBe("over tls\n");
});

test("without its engine a runner starts, says so, and works once the engine is there", async () => {
  const socket = join(folder, "engine.sock");
  await using runner = await start({ DOCKER_SOCKET: socket });
  await using engine = open(runner);
  await expect(engine.ready({ signal })).rejects.toMatchObject({
    code: "engine-unreachable",
    data: { reason: "engine-down", statusCode: 503 },
  });
  await symlink(useBed().socket, socket);
  expect((await engine.ready({ signal })).engine.product).toBe("Docker Engine");
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
