import { systemClock } from "../async/clock.ts";
import { LashError } from "../model/errors.ts";
import type { JsonValue } from "../model/json.ts";
import { askHolder, type ControlHandler, type ControlRequest, serveControl } from "../state/control.ts";
import { acquireLock, controlSocket, type Holder, type Lock } from "../state/lock.ts";

/** How a process may come to hold a stack. */
export interface TenureOptions {
  /** Folder of the sockets; see state/runtime-dir.ts. */
  readonly directory: string;
  readonly key: string;
  readonly holder: Holder;
}

/** The right to change a stack, with the ear for those who ask its holder for something. */
export interface Tenure extends AsyncDisposable {
  readonly holder: Holder;
}

/** A background supervisor that was asked to let go does so within this; it has only its watches to end. */
const handOverMs = 10_000;

/** Becomes the holder, or tells that somebody else is. */
export async function acquireTenure(
  options: TenureOptions,
  handle: ControlHandler,
): Promise<Tenure | undefined> {
  const attempt = await acquireLock(options.directory, options.key);
  if (attempt.type === "held") return undefined;
  return tenureOf(attempt.lock, options.holder, handle);
}

/**
 * Becomes the holder, taking over from a background supervisor, which keeps everything running. Rejects with
 * `stack-held`, naming the holder, when a person's `up` or another command has the stack.
 */
export async function takeTenure(
  options: TenureOptions,
  handle: ControlHandler,
  signal: AbortSignal,
): Promise<Tenure> {
  const until = systemClock.now() + handOverMs;
  for (;;) {
    const tenure = await acquireTenure(options, handle);
    if (tenure !== undefined) return tenure;
    const holder = await whoHolds(options, signal);
    if (holder !== undefined && holder.role !== "supervisor")
      throw heldError(options.holder.manifest, holder);
    if (systemClock.now() > until) throw heldError(options.holder.manifest, holder);
    if (holder !== undefined) await askForRelease(options, signal);
    await systemClock.sleep(20, { signal });
  }
}

/** Asks the holder of the stack; undefined when nobody holds it any more. */
export async function askTenant(
  options: Pick<TenureOptions, "directory" | "key">,
  request: ControlRequest,
  signal: AbortSignal,
  onSaid: (value: JsonValue) => void = () => {},
): Promise<JsonValue | undefined> {
  try {
    return await askHolder(controlSocket(options.directory, options.key), request, { signal, onSaid });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LashError && error.data["gone"] === true) return undefined;
    throw error;
  }
}

/** Who holds the stack; undefined: nobody. */
export async function whoHolds(options: TenureOptions, signal: AbortSignal): Promise<Holder | undefined> {
  const answer = await askTenant(options, { command: "status", arguments: {} }, signal);
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) return undefined;
  const { holder } = answer as { readonly holder?: JsonValue };
  return holder as Holder | undefined;
}

async function askForRelease(options: TenureOptions, signal: AbortSignal): Promise<void> {
  await askTenant(options, { command: "release", arguments: {} }, signal);
}

function heldError(manifest: string, holder: Holder | undefined): LashError {
  const who =
    holder === undefined
      ? "another process"
      : `\`lash ${holder.role}\` (pid ${holder.pid}, since ${holder.since})`;
  const where =
    holder === undefined || holder.manifest === manifest ? "" : `, started for "${holder.manifest}"`;
  return new LashError("stack-held", `Cannot change the stack: ${who} holds it${where}`, {
    data: { holder: { ...holder } },
    hint:
      holder === undefined
        ? "Try again"
        : `End it there with Ctrl+C, or take the stack down with \`lash down\``,
  });
}

function tenureOf(lock: Lock, holder: Holder, handle: ControlHandler): Tenure {
  const control = serveControl(lock.server, handle);
  return {
    holder,
    async [Symbol.asyncDispose]() {
      // The socket closes first, so that nobody new asks a holder that is leaving; then whoever asked gets an answer.
      const closing = lock[Symbol.asyncDispose]();
      await control[Symbol.asyncDispose]();
      await closing;
    },
  };
}
