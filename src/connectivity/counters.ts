import type { Reason } from "./reason.ts";
import type { DependencyStatus } from "./status.ts";

/** From which status to which. Nothing goes back to unknown. */
export type Transition = "unknown>up" | "unknown>down" | "up>down" | "down>up";

/** What a metrics exporter shows. Every label is there from the start, at 0. */
export interface Counters {
  readonly transitions: Readonly<Record<Transition, number>>;
  /** Probes by result. */
  readonly probes: Readonly<Record<"ok" | Reason, number>>;
  readonly probeSeconds: Histogram;
  /** Of outages that are over; see {@link outageSeconds}. */
  readonly endedOutageSeconds: number;
}

/** `counts[i]` observations were at most `durationBucketSeconds[i]`, and more than the bucket before. */
export interface Histogram {
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** Upper ends of the buckets. A local probe takes milliseconds, and none takes longer than its deadline of 3 s. */
export const durationBucketSeconds: readonly number[] = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  Number.POSITIVE_INFINITY,
];

const noProbes: Readonly<Record<"ok" | Reason, number>> = {
  ok: 0,
  refused: 0,
  dns: 0,
  timeout: 0,
  reset: 0,
  tls: 0,
  "auth-failed": 0,
  "clock-skew": 0,
  "engine-down": 0,
  protocol: 0,
  "bad-response": 0,
};

export const noCounters: Counters = {
  transitions: { "unknown>up": 0, "unknown>down": 0, "up>down": 0, "down>up": 0 },
  probes: noProbes,
  probeSeconds: { counts: durationBucketSeconds.map(() => 0), count: 0, sum: 0 },
  endedOutageSeconds: 0,
};

/** The counters after a probe that replaced one status by another. */
export function countProbe(
  counters: Counters,
  { previous, next }: { readonly previous: DependencyStatus; readonly next: DependencyStatus },
): Counters {
  const result = next.reason ?? "ok";
  const transition = transitionOf(previous, next);
  const { transitions, probes } = counters;
  const isOver = previous.status === "down" && next.status === "up";
  return {
    transitions:
      transition === undefined ? transitions : { ...transitions, [transition]: transitions[transition] + 1 },
    probes: { ...probes, [result]: probes[result] + 1 },
    probeSeconds: observe(counters.probeSeconds, (next.lastDurationMs ?? 0) / 1000),
    endedOutageSeconds:
      counters.endedOutageSeconds + (isOver ? seconds(previous.downSince, next.lastSuccessAt) : 0),
  };
}

/** Seconds of all outages so far, the present one included. */
export function outageSeconds(counters: Counters, status: DependencyStatus, nowMs: number): number {
  return counters.endedOutageSeconds + (status.status === "down" ? seconds(status.downSince, nowMs) : 0);
}

function transitionOf(previous: DependencyStatus, next: DependencyStatus): Transition | undefined {
  if (previous.status === next.status || next.status === "unknown") return undefined;
  switch (previous.status) {
    case "unknown":
      return next.status === "up" ? "unknown>up" : "unknown>down";
    case "up":
      return "up>down";
    case "down":
      return "down>up";
  }
}

function observe({ counts, count, sum }: Histogram, value: number): Histogram {
  const bucket = durationBucketSeconds.findIndex((limit) => value <= limit);
  return {
    counts: counts.map((each, index) => (index === bucket ? each + 1 : each)),
    count: count + 1,
    sum: sum + value,
  };
}

function seconds(fromMs: number, toMs: number | undefined): number {
  return Math.max(0, (toMs ?? fromMs) - fromMs) / 1000;
}
