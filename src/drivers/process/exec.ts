import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import type { ExecOptions, ExecSession } from "../../engine/engine.ts";
import { LashError } from "../../model/errors.ts";
import { signalAll, trySignal } from "./identity.ts";
import { environment, refusal } from "./launch.ts";
import type { ProcessRecord } from "./record.ts";

type Output = { readonly stream: "stdout" | "stderr"; readonly data: Uint8Array };

/** Runs a command with the variables and the folder of a process, as a child of ours. */
export async function openExec(of: ProcessRecord, options: ExecOptions): Promise<ExecSession> {
  const asked = [options.user === undefined ? "" : "user", options.tty === true ? "tty" : ""].filter(Boolean);
  if (asked.length > 0) {
    throw new LashError(
      "engine-unsupported",
      `Cannot run a command beside process "${of.name}": a process of this machine cannot have ${asked.join(", ")}`,
      { data: { parts: asked } },
    );
  }
  const child = await spawned(of, options);
  const { pid } = child;
  const end = (): void => {
    if (pid !== undefined) signalAll([-pid], "SIGKILL");
    child.stdout.destroy();
    child.stderr.destroy();
    child.stdin.destroy();
  };
  const exited = new Promise<number>((resolve) => {
    child.once("exit", (code, signalName) => {
      options.signal.removeEventListener("abort", end);
      resolve(code ?? 128 + (signalName === null ? 0 : constants.signals[signalName]));
    });
  });
  options.signal.addEventListener("abort", end, { once: true });
  // A command that ends without reading its input is not an error of ours.
  child.stdin.on("error", () => undefined);
  if (options.stdin !== true) child.stdin.end();

  return {
    output: merge(child.stdout, child.stderr),
    exitCode: exited,
    async write(data) {
      if (options.stdin !== true) {
        throw new LashError(
          "engine-refused",
          `Cannot write to the command beside "${of.name}": no input attached`,
        );
      }
      if (child.stdin.write(data) || child.stdin.destroyed) return;
      await once(child.stdin, "drain", { signal: options.signal });
    },
    async endInput() {
      child.stdin.end();
    },
    async resize() {
      throw new LashError(
        "engine-unsupported",
        `Cannot resize the command beside "${of.name}": it has no terminal`,
      );
    },
    async [Symbol.asyncDispose]() {
      end();
      await exited;
    },
  };
}

async function spawned(
  of: ProcessRecord,
  options: ExecOptions,
): Promise<ChildProcessByStdio<Writable, Readable, Readable>> {
  const [program = "", ...args] = options.command;
  try {
    const child = spawn(program, args, {
      cwd: options.workingDir ?? of.workingDir,
      env: { ...environment(of), ...options.env },
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    await once(child, "spawn", { signal: options.signal }).catch((error: unknown) => {
      if (child.pid !== undefined) trySignal(-child.pid, "SIGKILL");
      throw error;
    });
    return child;
  } catch (cause) {
    options.signal.throwIfAborted();
    const { text } = refusal({ command: [...options.command] }, cause);
    throw new LashError("engine-refused", `Cannot run a command beside process "${of.name}": ${text}`, {
      data: { status: 400 },
      cause,
    });
  }
}

/** Both streams as they come, each read no faster than its reader asks. */
async function* merge(stdout: Readable, stderr: Readable): AsyncGenerator<Output, void, undefined> {
  const next = async (stream: "stdout" | "stderr", chunks: AsyncIterator<Buffer>) => {
    // Destroyed by the end of the session: that ends the output, and is no failure of it.
    const result = await chunks.next().catch(() => ({ done: true as const, value: undefined }));
    return { stream, chunks, result };
  };
  const open = new Map<string, ReturnType<typeof next>>([
    ["stdout", next("stdout", stdout[Symbol.asyncIterator]())],
    ["stderr", next("stderr", stderr[Symbol.asyncIterator]())],
  ]);
  while (open.size > 0) {
    const { stream, chunks, result } = await Promise.race(open.values());
    if (result.done === true) open.delete(stream);
    else {
      open.set(stream, next(stream, chunks));
      yield { stream, data: result.value };
    }
  }
}
