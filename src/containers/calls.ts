import { deadlineSignal } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import { LashError } from "../model/errors.ts";

/** How calls reach the engine. */
export interface Calls {
  /** The engine as of now; throws `engine-unreachable` while none was found. */
  readonly engine: () => Engine;
  /** For one call that does not wait for anything of ours. */
  readonly timeoutMs: number;
}

/** Does one short piece of work with the engine, within the time limit for calls (and `moreMs`). */
export async function call<T>(
  { engine, timeoutMs }: Calls,
  options: { readonly signal: AbortSignal; readonly doing: string; readonly moreMs?: number | undefined },
  work: (engine: Engine, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limitMs = timeoutMs + (options.moreMs ?? 0);
  using deadline = deadlineSignal(
    options.signal,
    limitMs,
    () => new LashError("timed-out", `Cannot ${options.doing}: no answer within ${limitMs} ms`),
  );
  return await work(engine(), deadline.signal);
}
