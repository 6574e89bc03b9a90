import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine } from "../../engine/engine.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { isLashError } from "../../model/errors.ts";
import { identityOf, isAlive, survivors } from "./identity.ts";
import { openProcessEngine } from "./process-engine.ts";

const signal = new AbortController().signal;
const env = { PATH: process.env["PATH"] ?? "" };
let directory = "";
let engine: Engine;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lash-process-"));
  engine = await openProcessEngine({ directory });
});

afterEach(async () => {
  for (const { id } of await engine.list({}, { signal })) await engine.remove(id, { signal });
  await engine[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

function shell(name: string, script: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  return { name, labels: { a: "1" }, image: "", env, command: ["sh", "-c", script], ...more };
}

async function untilOutput(name: string): Promise<string> {
  for (;;) {
    for await (const { text } of engine.logs(name, { signal, follow: false })) return text;
    await sleep(10);
  }
}

/** Runs TypeScript in a Node of its own with the engine open on the same folder; resolves with its exit code. */
async function otherLash(script: string): Promise<number | null> {
  const module = new URL("./process-engine.ts", import.meta.url).href;
  const program = `
    import { openProcessEngine } from ${JSON.stringify(module)};
    const engine = await openProcessEngine({ directory: ${JSON.stringify(directory)} });
    const signal = new AbortController().signal;
    const env = ${JSON.stringify(env)};
    ${script}`;
  const file = join(directory, ".other.ts");
  await writeFile(file, program);
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    stdio: "inherit",
  });
  const [code] = await once(child, "exit");
  return code;
}

describe("outliving Lash", () => {
  test("a process of a killed Lash is listed, followed, stopped and removed by the next one", async () => {
    await otherLash(`
      await engine.create({ name: "a", labels: {}, image: "", env, command: ["sh", "-c", "echo hi; sleep 100"] }, { signal });
      await engine.start("a", { signal });
      process.kill(process.pid, "SIGKILL");`);
    const facts = await engine.inspect("a", { signal });
    expect(facts).toMatchObject({ state: "running", name: "a" });
    expect(await untilOutput("a")).toBe("hi");
    const waiting = engine.wait("a", { signal });
    await engine.stop("a", { signal, graceMs: 3000 });
    expect(await waiting).toEqual({ exitCode: undefined, oomKilled: false, error: "" });
    expect(await engine.inspect("a", { signal })).toMatchObject({ state: "exited", exitCode: undefined });
  });

  test("one that ended while no Lash ran has an unknown exit code and all its output", async () => {
    await otherLash(`
      await engine.create({ name: "a", labels: {}, image: "", env, command: ["sh", "-c", "echo one; sleep 0.3; echo two; exit 5"] }, { signal });
      await engine.start("a", { signal });
      process.kill(process.pid, "SIGKILL");`);
    expect((await engine.wait("a", { signal })).exitCode).toBeUndefined();
    const lines = [];
    for await (const { text } of engine.logs("a", { signal, follow: false })) lines.push(text);
    expect(lines).toEqual(["one", "two"]);
  });

  test("a Lash killed between spawn and record loses nothing", async () => {
    await engine.create(shell("a", "echo hi; sleep 100"), { signal });
    await engine.start("a", { signal });
    await untilOutput("a");
    const before = await engine.inspect("a", { signal });
    // As such a Lash leaves it: the intent, whose launcher is gone, and the process.
    const path = join(directory, before?.id ?? "", "record.json");
    const written = JSON.parse(readFileSync(path, "utf8"));
    const { startedAtMs } = written.phase;
    const launcher = { pid: 4_000_000, start: "1", boot: "" };
    await writeFile(path, JSON.stringify({ ...written, phase: { tag: "starting", launcher, startedAtMs } }));
    await using next = await openProcessEngine({ directory });
    const after = await next.inspect("a", { signal });
    expect(after).toMatchObject({ state: "running", pid: before?.pid });
    await next.remove("a", { signal });
    expect(identityOf(before?.pid ?? 0)).toBeUndefined();
  });

  test("a reused process number is not taken for the process", async () => {
    await engine.create(shell("a", "exit 0"), { signal });
    await engine.start("a", { signal });
    await engine.wait("a", { signal });
    const { id = "" } = (await engine.inspect("a", { signal })) ?? {};
    const path = join(directory, id, "record.json");
    const written = JSON.parse(readFileSync(path, "utf8"));
    const stranger = { ...identityOf(process.pid), start: "1" };
    const phase = {
      tag: "running",
      process: stranger,
      launcher: { ...stranger, pid: 4_000_000 },
      startedAtMs: 1,
    };
    await writeFile(path, JSON.stringify({ ...written, phase }));
    expect((await engine.inspect("a", { signal }))?.state).toBe("exited");
    await engine.remove("a", { signal });
    expect(identityOf(process.pid)).toBeDefined();
  });

  test("two Lashes that start the same process at once start it once", async () => {
    await engine.create(shell("a", "echo started; sleep 100"), { signal });
    const race = `await engine.start("a", { signal }); process.exit(0);`;
    await Promise.all([otherLash(race), engine.start("a", { signal })]);
    await untilOutput("a");
    await sleep(50);
    const lines = [];
    for await (const { text } of engine.logs("a", { signal, follow: false })) lines.push(text);
    expect(lines).toEqual(["started"]);
  });
});

describe("nothing is left", () => {
  test("stop() ends grandchildren, also those in a session of their own", async () => {
    await engine.create(
      shell("a", "setsid sleep 1000 & sh -c 'trap \"\" TERM; sleep 1000 & wait' & echo up; wait"),
      {
        signal,
      },
    );
    await engine.start("a", { signal });
    await untilOutput("a");
    await sleep(100);
    const { id = "", pid = 0 } = (await engine.inspect("a", { signal })) ?? {};
    const leader = identityOf(pid);
    expect(survivors(id, leader).length).toBeGreaterThanOrEqual(4);
    await engine.stop("a", { signal, graceMs: 200 });
    expect(survivors(id, leader)).toEqual([]);
  });

  test("when the process ends by itself, its group ends with it", async () => {
    await engine.create(shell("a", "sleep 1000 & exit 0"), { signal });
    await engine.start("a", { signal });
    await engine.wait("a", { signal });
    await sleep(100);
    const { id = "" } = (await engine.inspect("a", { signal })) ?? {};
    expect(survivors(id, undefined)).toEqual([]);
  });

  test("a hundred starts leak no file descriptor and no zombie", async () => {
    const open = (): number => readdirSync("/proc/self/fd").length;
    await engine.create(shell("a", "exit 0"), { signal });
    await engine.start("a", { signal });
    await engine.wait("a", { signal });
    const before = open();
    for (let run = 0; run < 100; run += 1) {
      await engine.start("a", { signal });
      await engine.wait("a", { signal });
    }
    expect(open()).toBeLessThanOrEqual(before + 2);
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8")
      .trim()
      .split(" ")
      .filter(Boolean);
    expect(children.filter((pid) => readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "))).toEqual([]);
  });

  test("remove() deletes the folder; files are for their owner alone", async () => {
    await engine.create(shell("a", "echo hi"), { signal });
    await engine.start("a", { signal });
    await engine.wait("a", { signal });
    const { id = "" } = (await engine.inspect("a", { signal })) ?? {};
    const folder = join(directory, id);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const modes = readdirSync(folder).map((file) => statSync(join(folder, file)).mode & 0o777);
    expect(new Set(modes)).toEqual(new Set([0o600]));
    await engine.remove("a", { signal });
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe("refusals", () => {
  const noShebang = "no-format";
  test.each([
    [
      "an absent program",
      { command: ["no-such-program"] },
      'exec: "no-such-program": executable file not found in $PATH',
      127,
    ],
    ["an absent path", { command: ["/no/such"] }, 'exec: "/no/such": no such file or directory', 127],
    ["what is not executable", { command: ["/etc/passwd"] }, 'exec: "/etc/passwd": permission denied', 126],
    ["a folder", { command: ["/etc"] }, 'exec: "/etc": permission denied', 126],
    [
      "an absent folder to run in",
      { workingDir: "/no/such" },
      'chdir to "/no/such": no such file or directory',
      126,
    ],
    ["a file to run in", { workingDir: "/etc/passwd" }, 'chdir to "/etc/passwd": not a directory', 126],
  ])("start() of %s says so", async (_, more, text, exitCode) => {
    await engine.create(shell(noShebang, "exit 0", more), { signal });
    await expect(engine.start(noShebang, { signal })).rejects.toThrow(
      `Cannot start process "${noShebang}": ${text}`,
    );
    expect(await engine.inspect(noShebang, { signal })).toMatchObject({
      state: "created",
      error: text,
      exitCode,
    });
  });

  test("arguments beyond the kernel's limit are refused", async () => {
    await engine.create(shell("a", "exit 0", { env: { ...env, BIG: "x".repeat(200_000) } }), { signal });
    await expect(engine.start("a", { signal })).rejects.toThrow("argument list too long");
  });

  test("create() refuses by name what only a container has", async () => {
    const more = { image: "busybox", privileged: true, user: "me", mounts: [], healthcheck: undefined };
    const [result] = await Promise.allSettled([engine.create(shell("a", "exit 0", more), { signal })]);
    const error: unknown = result.status === "rejected" ? result.reason : undefined;
    expect(isLashError(error, "engine-unsupported") && error.data["parts"]).toEqual([
      "image",
      "user",
      "privileged",
    ]);
  });

  test("a lock of a dead Lash is taken over", async () => {
    await engine.create(shell("a", "sleep 100"), { signal });
    const { id = "" } = (await engine.inspect("a", { signal })) ?? {};
    const holder = { pid: 4_000_000, start: "1", boot: "" };
    await writeFile(join(directory, id, "lock"), JSON.stringify({ token: "x", holder }));
    await engine.start("a", { signal });
    const { pid = 0 } = (await engine.inspect("a", { signal })) ?? {};
    const identity = identityOf(pid);
    expect(identity !== undefined && isAlive(identity)).toBe(true);
  });
});
