import { expect, test } from "vitest";
import { openBench, retry, target } from "./connectivity.test.support.ts";
import { countProbe, durationBucketSeconds, noCounters, outageSeconds } from "./counters.ts";
import { failFast } from "./fail-fast.ts";
import { healthSnapshot } from "./snapshot.ts";
import { type DependencyStatus, initialStatus, reduceStatus, type Target } from "./status.ts";

const start = Date.UTC(2030, 0, 1);
const error = { code: "invalid_signature", message: "wrong signature", statusCode: 401 };

function failedAt(atMs: number, previous: DependencyStatus): DependencyStatus {
  const failure = { reason: "auth-failed", error } as const;
  const event = { type: "probe-failed", atMs, durationMs: 30, failure, random: 0, ahead: false } as const;
  return reduceStatus(previous, event, { retry });
}

function upAt(atMs: number, previous: DependencyStatus): DependencyStatus {
  return reduceStatus(previous, { type: "probe-succeeded", atMs, durationMs: 2 }, { retry });
}

function unknown(changes: Partial<Target> = {}): DependencyStatus {
  return initialStatus({ ...target, ...changes });
}

test("healthSnapshot() is plain JSON without secrets, and leaves out what is not known", () => {
  const down = failedAt(start + 5000, upAt(start, unknown()));
  const snapshots = [unknown(), upAt(start, unknown()), down].map(healthSnapshot);
  expect(JSON.parse(JSON.stringify(snapshots))).toStrictEqual(snapshots);
  expect(snapshots).toStrictEqual([
    {
      status: "unknown",
      optional: true,
      baseUrl: "http://***@runner:7071",
      consecutiveFailures: 0,
      exhausted: false,
    },
    {
      status: "up",
      optional: true,
      baseUrl: "http://***@runner:7071",
      consecutiveFailures: 0,
      exhausted: false,
      lastCheckedAt: "2030-01-01T00:00:00.000Z",
      lastSuccessAt: "2030-01-01T00:00:00.000Z",
      lastDurationMs: 2,
    },
    {
      status: "down",
      optional: true,
      baseUrl: "http://***@runner:7071",
      consecutiveFailures: 1,
      exhausted: false,
      lastCheckedAt: "2030-01-01T00:00:05.000Z",
      lastSuccessAt: "2030-01-01T00:00:00.000Z",
      lastFailureAt: "2030-01-01T00:00:05.000Z",
      lastDurationMs: 30,
      nextRetryAt: "2030-01-01T00:00:05.500Z",
      reason: "auth-failed",
      lastError: error,
    },
  ]);
});

test("failFast() names URL, code and the knob, and only for what is required and not up", () => {
  const required = unknown({ optional: false });
  const refusal = failFast(failedAt(start, required));
  expect(refusal?.message).toBe(
    "Cannot start without docker-runner at http://***@runner:7071: wrong signature (invalid_signature)",
  );
  expect(refusal?.hint).toContain("DOCKER_RUNNER_OPTIONAL=true");
  expect(failFast(required)?.code).toBe("engine-unreachable");
  expect(failFast(upAt(start, required))).toBeUndefined();
  expect(failFast(failedAt(start, unknown()))).toBeUndefined();
});

test("countProbe() counts results, transitions, durations and ended outages", () => {
  const statuses = [unknown()];
  for (const step of [upAt, failedAt, failedAt, upAt, upAt]) {
    statuses.push(step(start + statuses.length * 10_000, statuses.at(-1) ?? unknown()));
  }
  const counters = statuses
    .slice(1)
    .reduce((sum, next, index) => countProbe(sum, { previous: statuses[index] ?? next, next }), noCounters);
  expect(counters.transitions).toEqual({ "unknown>up": 1, "unknown>down": 0, "up>down": 1, "down>up": 1 });
  expect(counters.probes).toEqual({ ...noCounters.probes, ok: 3, "auth-failed": 2 });
  expect(counters.endedOutageSeconds).toBe(20);
  expect(counters.probeSeconds.count).toBe(5);
  expect(counters.probeSeconds.sum).toBeCloseTo(0.066);
  const byBucket = counters.probeSeconds.counts.map((count, i) => [durationBucketSeconds[i], count]);
  expect(byBucket.filter(([, count]) => count !== 0)).toEqual([
    [0.0025, 3],
    [0.05, 2],
  ]);
});

test("outageSeconds() includes the present outage, and does not go below the ended ones", () => {
  const down = failedAt(start, unknown());
  const counters = { ...noCounters, endedOutageSeconds: 7 };
  expect(outageSeconds(counters, down, start + 1500)).toBe(8.5);
  expect(outageSeconds(counters, down, start - 3_600_000)).toBe(7);
  expect(outageSeconds(counters, upAt(start, down), start + 1500)).toBe(7);
});

test("a monitor counts every probe of a history once", async () => {
  await using bench = openBench("refused");
  await bench.clock.pass(3600);
  bench.dependency.answer = "ok";
  await bench.clock.pass(4000);
  expect(bench.monitor.status.status).toBe("up");
  expect(bench.monitor.counters).toMatchObject({
    transitions: { "unknown>up": 0, "unknown>down": 1, "up>down": 0, "down>up": 1 },
    probes: { ok: 1, refused: 4 },
    endedOutageSeconds: 7.5,
  });
});
