import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LashError } from "../model/errors.ts";
import { askHolder, serveControl } from "./control.ts";
import { acquireLock, controlSocket } from "./lock.ts";
import { runtimeDirectory, stackKey } from "./runtime-dir.ts";

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "lash-lock-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const key = (): string => stackKey("engine", `test-${process.pid}-${Math.random()}`);

test("acquireLock() gives a stack to one holder at a time", async () => {
  await using directory = await folder();
  const name = key();
  const first = await acquireLock(directory.path, name);
  if (first.type !== "acquired") throw new Error("not acquired");
  expect(await acquireLock(directory.path, name)).toEqual({
    type: "held",
    socket: controlSocket(directory.path, name),
  });
  await first.lock[Symbol.asyncDispose]();
  const again = await acquireLock(directory.path, name);
  expect(again.type).toBe("acquired");
  if (again.type === "acquired") await again.lock[Symbol.asyncDispose]();
});

test("acquireLock() takes over from a holder that was killed, whatever it left behind", async () => {
  await using directory = await folder();
  const name = key();
  const program = `
    const { acquireLock } = await import(${JSON.stringify(new URL("./lock.ts", import.meta.url).href)});
    const attempt = await acquireLock(${JSON.stringify(directory.path)}, ${JSON.stringify(name)});
    process.stdout.write(attempt.type);
    setInterval(() => {}, 1000);`;
  const script = join(directory.path, "holder.mjs");
  await writeFile(script, program);
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  expect(said.toString()).toBe("acquired");
  expect((await acquireLock(directory.path, name)).type).toBe("held");
  child.kill("SIGKILL");
  await once(child, "exit");
  const after = await acquireLock(directory.path, name);
  expect(after.type).toBe("acquired");
  if (after.type === "acquired") await after.lock[Symbol.asyncDispose]();
});

test("acquireLock() lets exactly one of many racers win", async () => {
  await using directory = await folder();
  const name = key();
  const attempts = await Promise.all(Array.from({ length: 20 }, () => acquireLock(directory.path, name)));
  const won = attempts.filter((attempt) => attempt.type === "acquired");
  expect(won).toHaveLength(1);
  for (const attempt of won) await attempt.lock[Symbol.asyncDispose]();
});

test("askHolder() hears what is said, then the answer or the holder's error with its code", async () => {
  await using directory = await folder();
  const attempt = await acquireLock(directory.path, key());
  if (attempt.type !== "acquired") throw new Error("not acquired");
  await using lock = attempt.lock;
  await using _control = serveControl(lock.server, async (request, say) => {
    say(1);
    say({ text: "two" });
    if (request.command === "down") {
      throw new LashError("leftovers", "Cannot remove it", { data: { left: ["x"] }, hint: "Look" });
    }
    return request.arguments;
  });
  const address = lock.server.address();
  if (typeof address !== "string") throw new Error("no socket");
  const signal = AbortSignal.timeout(5000);
  const heard: unknown[] = [];
  const options = { signal, onSaid: (value: unknown) => heard.push(value) };
  expect(await askHolder(address, { command: "status", arguments: { a: 1 } }, options)).toEqual({ a: 1 });
  expect(heard).toEqual([1, { text: "two" }]);
  await expect(askHolder(address, { command: "down", arguments: {} }, options)).rejects.toMatchObject({
    code: "leftovers",
    data: { left: ["x"] },
    hint: "Look",
  });
});

test("askHolder() says that nobody is there", async () => {
  const options = { signal: AbortSignal.timeout(5000), onSaid: () => {} };
  await expect(
    askHolder("/nowhere/x.sock", { command: "status", arguments: {} }, options),
  ).rejects.toMatchObject({
    data: { gone: true },
  });
});

test("runtimeDirectory() refuses a folder that others can enter", async () => {
  await using directory = await folder();
  const mine = await runtimeDirectory({ XDG_RUNTIME_DIR: directory.path });
  expect(mine).toBe(join(directory.path, "lash"));
  const { chmod } = await import("node:fs/promises");
  await chmod(mine, 0o755);
  await expect(runtimeDirectory({ XDG_RUNTIME_DIR: directory.path })).rejects.toMatchObject({
    code: "state-unreadable",
  });
});
