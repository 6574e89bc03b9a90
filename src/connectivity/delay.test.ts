import fc from "fast-check";
import { expect, test } from "vitest";
import { retryDelayMs } from "./delay.ts";

const limits = { baseDelayMs: 500, maxDelayMs: 30_000, jitterMs: 250 };

test("retryDelayMs() doubles from the base and stays at the maximum", () => {
  const plain = [1, 2, 3, 4, 5, 6, 7, 8, 60, 1e9].map((failure) =>
    retryDelayMs(failure, { ...limits, jitterMs: 0, random: 0.99 }),
  );
  expect(plain).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000]);
});

// [failure, lowest, highest]: at the cap the spread lies below it.
const ranges = [
  [1, 500, 750],
  [2, 1000, 1250],
  [6, 16_000, 16_250],
  [7, 29_750, 30_000],
  [50, 29_750, 30_000],
] as const;

test.each(ranges)("retryDelayMs() of failure %i is uniform over [%i, %i]", (failure, lowest, highest) => {
  const values = highest - lowest + 1;
  const perValue = 40;
  const counts = new Map<number, number>();
  for (let i = 0; i < values * perValue; i++) {
    const delay = retryDelayMs(failure, { ...limits, random: i / (values * perValue) });
    counts.set(delay, (counts.get(delay) ?? 0) + 1);
  }
  expect(Math.min(...counts.keys())).toBe(lowest);
  expect(Math.max(...counts.keys())).toBe(highest);
  expect(counts.size).toBe(values);
  // A grid of equally likely inputs gives every value equally often, but for one more or less at its borders.
  expect([...counts.values()].every((count) => Math.abs(count - perValue) <= 1)).toBe(true);
});

test("retryDelayMs() close under the cap is spread over [max - jitter, max] too, not heaped on max", () => {
  const delays = [0, 0.25, 0.5, 0.75, 0.999_999].map((random) =>
    retryDelayMs(1, { baseDelayMs: 990, maxDelayMs: 1000, jitterMs: 100, random }),
  );
  expect(delays).toEqual([900, 925, 950, 975, 1000]);
});

test("retryDelayMs() is never above the maximum and never below what the limits allow", () => {
  const anyLimits = fc
    .tuple(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }))
    .map(([a, b]) => ({ baseDelayMs: Math.min(a, b), maxDelayMs: Math.max(a, b) }));
  fc.assert(
    fc.property(
      anyLimits,
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      fc.oneof(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.constant(1)),
      ({ baseDelayMs, maxDelayMs }, jitterMs, failure, random) => {
        const delay = retryDelayMs(failure, { baseDelayMs, maxDelayMs, jitterMs, random });
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeLessThanOrEqual(maxDelayMs);
        expect(delay).toBeGreaterThanOrEqual(Math.max(0, Math.min(baseDelayMs, maxDelayMs - jitterMs)));
      },
    ),
  );
});
