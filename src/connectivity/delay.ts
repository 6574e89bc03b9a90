import { backoffMs } from "../async/backoff.ts";

/** How the pause between two tries grows. */
export interface Backoff {
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly jitterMs: number;
}

/**
 * Pause after the n-th failure in a row (from 1): min(base x 2^(n-1), max) plus up to the jitter, in whole milliseconds.
 * Never above max: where the jitter would pass it, the pause is spread over [max - jitter, max], so that many servers
 * that lost the same runner do not come back in step. `random` is in [0, 1).
 */
export function retryDelayMs(
  failure: number,
  { random, ...limits }: Backoff & { readonly random: number },
): number {
  const { baseDelayMs, maxDelayMs, jitterMs } = limits;
  const plain = backoffMs(failure, { firstMs: baseDelayMs, maximumMs: maxDelayMs });
  const lowest = Math.max(0, Math.min(plain, maxDelayMs - jitterMs));
  const highest = Math.min(maxDelayMs, plain + jitterMs);
  return Math.min(highest, lowest + Math.floor(random * (highest - lowest + 1)));
}
