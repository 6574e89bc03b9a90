import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../async/clock.ts";
import { LashError } from "../model/errors.ts";
import type { StackHandle } from "../stack/handle.ts";
import { makeLashFolder } from "../state/lash-folder.ts";

/** A supervisor holds the stack within half a second; this is for a machine that is busy starting containers. */
const takeOverMs = 15_000;
/** Its checks take a tenth of a second; what has not passed by then has become unready, which is then the truth. */
const recheckMs = 3000;

/**
 * Hands the stack of this handle over to a background process, which supervises it from then on, and resolves once that
 * one holds it. `argv` is the whole command line. Its output goes to `.lash/supervisor.log`.
 */
export async function detachSupervisor(
  handle: StackHandle,
  options: { readonly argv: readonly string[] },
): Promise<{ readonly pid: number; readonly log: string }> {
  const folder = await makeLashFolder(handle.stack.directory);
  const log = join(folder, "supervisor.log");
  const ready = handle.stack.resources
    .map(({ name }) => name)
    .filter((name) => handle.status(name).current.tag === "ready");
  await handle.release();
  const [command, ...rest] = options.argv;
  if (command === undefined) throw new TypeError("argv is empty");
  await using file = await open(log, "a", 0o600);
  const child = spawn(command, rest, {
    detached: true,
    stdio: ["ignore", file.fd, file.fd],
    cwd: handle.stack.directory,
    env: { ...process.env, LASH_SUPERVISOR: "1" },
  });
  const failed = once(child, "error").then(([error]) => {
    throw new LashError("internal", "Cannot start the background supervisor", { cause: error });
  });
  const exited = once(child, "exit").then(([code]) => {
    // Nothing to supervise: all tasks have completed, or all else is external.
    if (code === 0) return;
    throw new LashError(
      "internal",
      `Cannot supervise "${handle.stack.project}": the background process ended`,
      {
        hint: `Its words are in ${log}`,
      },
    );
  });
  failed.catch(() => {});
  exited.catch(() => {});
  await Promise.race([untilTakenOver(handle, child.pid ?? 0, ready), failed, exited]);
  child.unref();
  return { pid: child.pid ?? 0, log };
}

/**
 * Waits until the process holds the stack and knows that what was ready is so: it checks again, and until it has,
 * `lash ps` would call something "running" that `lash up -d` has just called ready.
 */
async function untilTakenOver(handle: StackHandle, pid: number, ready: readonly string[]): Promise<void> {
  const signal = AbortSignal.timeout(takeOverMs);
  while ((await handle.holder({ signal }))?.pid !== pid) await systemClock.sleep(20, { signal });
  const until = systemClock.now() + recheckMs;
  while (systemClock.now() < until) {
    const views = await handle.list({ signal, urls: false });
    const unsure = views.some(({ name, status }) => ready.includes(name) && status === "running");
    if (!unsure) return;
    await systemClock.sleep(20, { signal });
  }
}
