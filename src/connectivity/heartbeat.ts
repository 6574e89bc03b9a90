import type { Clock } from "../async/clock.ts";
import { linkSignals } from "../async/signals.ts";
import { LashError } from "../model/errors.ts";

/** How a stream is listened to. */
export interface HeartbeatOptions {
  /** Its abort is no loss: whoever listens wants no more. */
  readonly signal: AbortSignal;
  /** Silence that is as bad as a cut, for a stream that beats by itself. Undefined: it may be silent for ever. */
  readonly silenceMs?: number | undefined;
}

/** What a stream tells of the one that sends it. */
export interface Pulse {
  /** The first value came: there is a connection. */
  alive(): void;
  /** The stream ended, failed, or fell silent. */
  lost(): void;
}

/** Passes a stream on, unchanged, to the one who iterates, and tells of its beginning and of its loss at once. */
export async function* listenTo<T>(
  stream: AsyncIterable<T>,
  { signal, silenceMs, clock, pulse }: HeartbeatOptions & { readonly clock: Clock; readonly pulse: Pulse },
): AsyncGenerator<T> {
  let isFirst = true;
  let wantsMore = true;
  const iterator = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      using silence = watchSilence({ signal, silenceMs, clock, onSilence: () => pulse.lost() });
      const result = await iterator.next();
      silence[Symbol.dispose]();
      if (result.done === true) return;
      if (isFirst) pulse.alive();
      isFirst = false;
      wantsMore = false;
      yield result.value;
      wantsMore = true;
    }
  } finally {
    if (wantsMore && !signal.aborted) pulse.lost();
    if (!wantsMore) await iterator.return?.();
  }
}

interface SilenceOptions extends HeartbeatOptions {
  readonly clock: Clock;
  readonly onSilence: () => void;
}

/** Tells once when the time has passed without being disposed. */
function watchSilence({ signal, silenceMs, clock, onSilence }: SilenceOptions): Disposable {
  if (silenceMs === undefined) return { [Symbol.dispose]: () => {} };
  const timer = linkSignals(signal);
  clock.sleep(silenceMs, { signal: timer.signal }).then(onSilence, () => {});
  return {
    [Symbol.dispose]: () =>
      timer.abort(new LashError("cancelled", "Cannot wait for silence: the stream gave a value")),
  };
}
