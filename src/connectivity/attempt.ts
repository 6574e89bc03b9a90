import type { Clock } from "../async/clock.ts";
import { abortable, linkSignals } from "../async/signals.ts";
import { LashError } from "../model/errors.ts";
import { explainFailure, type ProbeFailure } from "./reason.ts";

/**
 * One real call to a dependency, one attempt: resolves when it can be used, rejects with the reason why not. It has to
 * end as soon as its signal aborts; one that does not is left to itself.
 */
export type Probe = (options: { readonly signal: AbortSignal }) => Promise<void>;

export interface Attempt {
  readonly durationMs: number;
  /** Undefined: it succeeded. */
  readonly failure: ProbeFailure | undefined;
}

export interface AttemptOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly deadlineMs: number;
}

/** Runs a probe once, within its deadline. Undefined when the signal aborted meanwhile; never rejects. */
export async function attempt(
  probe: Probe,
  { signal, clock, deadlineMs }: AttemptOptions,
): Promise<Attempt | undefined> {
  const startedAt = clock.now();
  using call = linkSignals(signal);
  using timer = linkSignals(signal);
  const late = (): void =>
    call.abort(new LashError("timed-out", `Cannot probe: no answer within ${deadlineMs} ms`));
  clock.sleep(deadlineMs, { signal: timer.signal }).then(late, () => {});
  let failure: ProbeFailure | undefined;
  try {
    await abortable(run(probe, call.signal), call.signal);
  } catch (thrown) {
    failure = explainFailure(thrown);
  } finally {
    timer.abort(new LashError("cancelled", "Cannot wait for the deadline: the probe has ended"));
  }
  if (signal.aborted) return undefined;
  // Less than nothing when the clock was set back meanwhile.
  return { durationMs: Math.max(0, clock.now() - startedAt), failure };
}

/** Also what a probe throws before it returns becomes a rejection, and one that nobody waits for any more is no fault. */
function run(probe: Probe, signal: AbortSignal): Promise<void> {
  const work = (async () => await probe({ signal }))();
  work.catch(() => {});
  return work;
}
