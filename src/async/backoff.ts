/** Pause before the nth attempt (from 1): doubles from `firstMs` up to `maximumMs`. Pure, without jitter. */
export function backoffMs(
  attempt: number,
  limits: { readonly firstMs: number; readonly maximumMs: number },
): number {
  // 2^30 doublings exceed any maximum; the bound keeps the power finite.
  return Math.min(limits.maximumMs, limits.firstMs * 2 ** Math.min(Math.max(attempt - 1, 0), 30));
}
