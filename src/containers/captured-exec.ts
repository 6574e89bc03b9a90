import type { Clock } from "../async/clock.ts";
import { linkSignals, untilAborted } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import { LashError } from "../model/errors.ts";
import { MarkedExec } from "./marked-exec.ts";

/** A command to run to its end. */
export interface ExecRequest {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly user?: string | undefined;
  readonly workingDir?: string | undefined;
  /** What it gets on standard input, which then ends. */
  readonly input?: string | undefined;
  /** The command is ended then; the container is not. 0: never. */
  readonly timeoutMs: number;
}

export interface ExecResult {
  readonly reason: "completed" | "timeout";
  /** Undefined when a command that was ended left none. */
  readonly exitCode: number | undefined;
  /** The last of what it wrote. */
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

/** Kept of each stream. */
const keptBytes = 1024 * 1024;
/** An engine knows the exit code some moments after the output has ended. */
const exitCodeMs = 1500;

/**
 * Runs a command and keeps the last of its output. At its time limit it is ended and what it wrote until then is
 * returned. When the signal aborts nobody waits for it any more: it is ended too.
 */
export async function runCaptured(
  engine: Engine,
  container: string,
  options: { readonly request: ExecRequest; readonly signal: AbortSignal; readonly clock: Clock },
): Promise<ExecResult> {
  const { request, signal, clock } = options;
  const { command, env, user, workingDir, input, timeoutMs } = request;
  await using exec = await MarkedExec.open(engine, container, {
    signal,
    command,
    env,
    user,
    workingDir,
    stdin: input !== undefined,
  });
  const kept = { stdout: new Tail(keptBytes), stderr: new Tail(keptBytes) };
  const reading = read(exec, kept);
  reading.catch(() => {});
  if (input !== undefined) feed(exec, input);
  const outcome = await firstOf(reading, { signal, clock, timeoutMs });
  if (outcome === "aborted") throw signal.reason;
  let exitCode: number | undefined;
  if (outcome === "timeout") {
    await exec.end({ clock });
    exitCode = await lastWord(reading, { clock });
  } else {
    exitCode = await reading;
  }
  return {
    reason: outcome === "timeout" ? "timeout" : "completed",
    exitCode,
    stdout: kept.stdout.text(),
    stderr: kept.stderr.text(),
    truncated: kept.stdout.isCut || kept.stderr.isCut,
  };
}

async function read(exec: MarkedExec, kept: Readonly<Record<"stdout" | "stderr", Tail>>): Promise<number> {
  for await (const { stream, data } of exec.output()) kept[stream].add(data);
  return await exec.exitCode;
}

/** The exit code of a command that was ended. One that cannot be ended, or of which nobody knows, is not waited for. */
async function lastWord(
  reading: Promise<number>,
  { clock }: { readonly clock: Clock },
): Promise<number | undefined> {
  using wait = linkSignals();
  const late = clock.sleep(exitCodeMs, { signal: wait.signal }).then(
    () => undefined,
    () => undefined,
  );
  const code = await Promise.race([reading.catch(() => undefined), late]);
  wait.abort(new LashError("cancelled", "Cannot wait longer: the command has ended"));
  return code;
}

/** A command need not read its input: that it does not is no error. */
function feed(exec: MarkedExec, input: string): void {
  exec
    .write(Buffer.from(input, "utf8"))
    .then(() => exec.endInput())
    .catch(() => {});
}

async function firstOf(
  reading: Promise<unknown>,
  {
    signal,
    clock,
    timeoutMs,
  }: { readonly signal: AbortSignal; readonly clock: Clock; readonly timeoutMs: number },
): Promise<"ended" | "timeout" | "aborted"> {
  using wait = linkSignals(signal);
  const ended = reading.then(
    () => "ended" as const,
    () => "ended" as const,
  );
  const aborted = untilAborted(wait.signal).then(() => "aborted" as const);
  const never = new Promise<never>(() => {});
  const late =
    timeoutMs === 0
      ? never
      : clock.sleep(timeoutMs, { signal: wait.signal }).then(
          () => "timeout" as const,
          async () => await never,
        );
  try {
    return await Promise.race([ended, aborted, late]);
  } finally {
    wait.abort(new LashError("cancelled", "Cannot wait longer: the command has ended"));
  }
}

/** The last bytes of a stream. */
class Tail {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  isCut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(data: Uint8Array): void {
    this.#chunks.push(data);
    this.#size += data.length;
    while (this.#size - (this.#chunks[0]?.length ?? 0) >= this.#limit) {
      this.#size -= this.#chunks.shift()?.length ?? 0;
      this.isCut = true;
    }
  }

  text(): string {
    const all = Buffer.concat(this.#chunks);
    const last = all.subarray(Math.max(0, all.length - this.#limit));
    if (last.length < all.length) this.isCut = true;
    let start = 0;
    // The rest of a character that was cut off in front.
    while (this.isCut && start < 4 && ((last[start] ?? 0) & 0xc0) === 0x80) start += 1;
    return last.toString("utf8", start);
  }
}
