import { setTimeout as sleepTimer } from "node:timers/promises";

/** Time as decisions see it; injected, so that tests and replays hold it still. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason on abort. */
  sleep(ms: number, options: { readonly signal: AbortSignal }): Promise<void>;
}

/** The real time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, { signal }) {
    signal.throwIfAborted();
    try {
      await sleepTimer(ms, undefined, { signal });
    } catch (cause) {
      signal.throwIfAborted();
      throw cause;
    }
  },
};
