import fc from "fast-check";
import { expect, test } from "vitest";
import { retry, target } from "./connectivity.test.support.ts";
import type { ProbeFailure } from "./reason.ts";
import {
  type DependencyStatus,
  initialStatus,
  type RetryPolicy,
  reduceStatus,
  retryAfterSeconds,
  type StatusEvent,
} from "./status.ts";

const failure: ProbeFailure = {
  reason: "refused",
  error: { code: "ECONNREFUSED", message: "refused", statusCode: undefined },
};

function failed(atMs: number, changes: { random?: number; ahead?: boolean } = {}): StatusEvent {
  return { type: "probe-failed", atMs, durationMs: 3, failure, random: 0, ahead: false, ...changes };
}

function succeeded(atMs: number): StatusEvent {
  return { type: "probe-succeeded", atMs, durationMs: 2 };
}

function after(events: readonly StatusEvent[], policy: RetryPolicy = retry): DependencyStatus {
  return events.reduce<DependencyStatus>(
    (status, event) => reduceStatus(status, event, { retry: policy }),
    initialStatus(target),
  );
}

test("initialStatus() knows nothing, and hides credentials", () => {
  expect(initialStatus(target)).toMatchObject({ status: "unknown", baseUrl: "http://***@runner:7071" });
});

test("reduceStatus() counts a failure and says when it is tried again", () => {
  expect(after([failed(1000), failed(2000, { random: 0.999_999 })])).toEqual({
    status: "down",
    dependency: "docker-runner",
    baseUrl: "http://***@runner:7071",
    optional: true,
    downSince: 1000,
    lastCheckedAt: 2000,
    lastSuccessAt: undefined,
    lastFailureAt: 2000,
    lastDurationMs: 3,
    consecutiveFailures: 2,
    attempts: 2,
    reason: "refused",
    lastError: failure.error,
    nextRetryAt: 3250,
    retryInMs: 1250,
    exhausted: false,
    exhaustions: 0,
  });
});

test("reduceStatus() forgets count, error and retry with a success, and keeps when it last failed", () => {
  expect(after([failed(1000), failed(2000), succeeded(3000)])).toEqual({
    ...initialStatus(target),
    status: "up",
    lastCheckedAt: 3000,
    lastSuccessAt: 3000,
    lastFailureAt: 2000,
    lastDurationMs: 2,
  });
});

test("reduceStatus() stops retrying after so many failures, until it is re-armed", () => {
  const policy = { ...retry, maxRetries: 2 };
  const exhausted = after([failed(1000), failed(2000)], policy);
  expect(exhausted).toMatchObject({ exhausted: true, exhaustions: 1, nextRetryAt: undefined });
  const armed = reduceStatus(exhausted, { type: "re-armed", atMs: 5000 }, { retry: policy });
  expect(armed).toMatchObject({ exhausted: false, attempts: 0, consecutiveFailures: 2, nextRetryAt: 5000 });
  const again = reduceStatus(armed, failed(5001), { retry: policy });
  expect(again).toMatchObject({ exhausted: false, consecutiveFailures: 3, nextRetryAt: 5501 });
  expect(reduceStatus(again, failed(5501), { retry: policy })).toMatchObject({
    exhausted: true,
    exhaustions: 2,
    downSince: 1000,
  });
});

test("reduceStatus() does not put off a promised retry for a probe ahead of its time", () => {
  const events = [failed(0), failed(500), failed(1500), failed(3500)];
  expect(after(events).nextRetryAt).toBe(7500);
  expect(after([...events, failed(4000, { ahead: true })])).toMatchObject({
    consecutiveFailures: 5,
    nextRetryAt: 7500,
    retryInMs: 3500,
  });
  // The clock was set back by an hour meanwhile: the promise is worth no more than the delay.
  expect(after([...events, failed(3500 - 3_600_000, { ahead: true })]).retryInMs).toBe(8000);
});

test("retryAfterSeconds() is at least 1, rounds up, and survives a clock that is set back", () => {
  const down = after([failed(0), failed(0), failed(0), failed(0)]);
  expect(down.nextRetryAt).toBe(4000);
  const moments = [0, 1, 2999, 3000, 3999, 4000, 9000, -3_600_000];
  expect(moments.map((nowMs) => retryAfterSeconds(down, nowMs))).toEqual([4, 4, 2, 1, 1, 1, 1, 4]);
  expect(retryAfterSeconds(initialStatus(target), 0)).toBe(1);
  expect(retryAfterSeconds(after([failed(0)], { ...retry, maxRetries: 1 }), 0)).toBe(1);
});

test("reduceStatus() keeps its laws over any history", () => {
  const anyEvent = fc.record({
    type: fc.constantFrom("ok", "fail", "fail", "fail", "rearm"),
    passedMs: fc.integer({ min: -5000, max: 60_000 }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    ahead: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(anyEvent, { maxLength: 60 }),
      fc.integer({ min: 0, max: 5 }),
      (history, maxRetries) => {
        const policy = { ...retry, maxRetries };
        let atMs = 1e12;
        let failures = 0;
        let armedFailures = 0;
        let status: DependencyStatus = initialStatus(target);
        for (const { type, passedMs, random, ahead } of history) {
          atMs += passedMs;
          if (type === "ok") failures = 0;
          if (type === "fail") failures += 1;
          armedFailures = type === "fail" ? armedFailures + 1 : 0;
          const event =
            type === "ok"
              ? succeeded(atMs)
              : type === "fail"
                ? failed(atMs, { random, ahead })
                : ({ type: "re-armed", atMs } as const);
          status = reduceStatus(status, event, { retry: policy });
          expect(status.consecutiveFailures).toBe(failures);
          expect(status.status === "down").toBe(failures > 0);
          expect(status.lastError === undefined).toBe(failures === 0);
          const exhausted = maxRetries > 0 && armedFailures >= maxRetries;
          expect(status.exhausted).toBe(exhausted);
          expect(status.nextRetryAt === undefined).toBe(failures === 0 || exhausted);
          const pauseMs = status.retryInMs ?? 0;
          expect(pauseMs).toBeLessThanOrEqual(retry.maxDelayMs);
          expect(status.nextRetryAt ?? atMs).toBe(atMs + pauseMs);
        }
      },
    ),
  );
});
