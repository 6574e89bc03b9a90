import { type Backoff, retryDelayMs } from "./delay.ts";
import type { LastError, ProbeFailure, Reason } from "./reason.ts";
import { redactUrls } from "./redact.ts";

/** What a server depends on softly: named like this in logs and metrics. */
export type Dependency = "docker-runner" | "engine";

/** When to try again. */
export interface RetryPolicy extends Backoff {
  /** Failures in a row after which retrying stops until it is re-armed; 0: never. */
  readonly maxRetries: number;
}

/** What is watched. `baseUrl` never contains credentials. */
export interface Target {
  readonly dependency: Dependency;
  readonly baseUrl: string;
  readonly optional: boolean;
}

/** Moments are milliseconds since the epoch. */
interface Checked extends Target {
  readonly lastCheckedAt: number | undefined;
  readonly lastSuccessAt: number | undefined;
  readonly lastFailureAt: number | undefined;
  readonly lastDurationMs: number | undefined;
}

interface NotFailing extends Checked {
  readonly consecutiveFailures: 0;
  readonly reason: undefined;
  readonly lastError: undefined;
  readonly nextRetryAt: undefined;
  readonly retryInMs: undefined;
  readonly exhausted: false;
  readonly downSince: undefined;
}

/** Nothing was tried yet. Not ready. */
export interface UnknownStatus extends NotFailing {
  readonly status: "unknown";
}

export interface UpStatus extends NotFailing {
  readonly status: "up";
}

export interface DownStatus extends Checked {
  readonly status: "down";
  readonly downSince: number;
  /** Since the last success. */
  readonly consecutiveFailures: number;
  /** Since the last success or re-arming: what the delay grows with, and what is limited. */
  readonly attempts: number;
  readonly reason: Reason;
  readonly lastError: LastError;
  /** Undefined once retrying has stopped. */
  readonly nextRetryAt: number | undefined;
  /** Pause until `nextRetryAt`, as it was decided. */
  readonly retryInMs: number | undefined;
  readonly exhausted: boolean;
  /** How often retrying stopped in this outage. */
  readonly exhaustions: number;
}

export type DependencyStatus = UnknownStatus | UpStatus | DownStatus;

/**
 * What happened to a dependency. `random` in [0, 1) spreads the next try; `ahead`: the probe was asked for, before its
 * time.
 */
export type StatusEvent =
  | { readonly type: "probe-succeeded"; readonly atMs: number; readonly durationMs: number }
  | {
      readonly type: "probe-failed";
      readonly atMs: number;
      readonly durationMs: number;
      readonly failure: ProbeFailure;
      readonly random: number;
      readonly ahead: boolean;
    }
  | { readonly type: "re-armed"; readonly atMs: number };

const notFailing = {
  consecutiveFailures: 0,
  reason: undefined,
  lastError: undefined,
  nextRetryAt: undefined,
  retryInMs: undefined,
  exhausted: false,
  downSince: undefined,
} as const;

/** The status before anything was tried. Credentials in the target's URL are hidden from here on. */
export function initialStatus({ dependency, baseUrl, optional }: Target): UnknownStatus {
  return {
    status: "unknown",
    dependency,
    baseUrl: redactUrls(baseUrl),
    optional,
    lastCheckedAt: undefined,
    lastSuccessAt: undefined,
    lastFailureAt: undefined,
    lastDurationMs: undefined,
    ...notFailing,
  };
}

/** The status after an event. */
export function reduceStatus(
  status: DependencyStatus,
  event: StatusEvent,
  { retry }: { readonly retry: RetryPolicy },
): DependencyStatus {
  switch (event.type) {
    case "probe-succeeded":
      return {
        ...targetOf(status),
        status: "up",
        lastCheckedAt: event.atMs,
        lastSuccessAt: event.atMs,
        lastFailureAt: status.lastFailureAt,
        lastDurationMs: event.durationMs,
        ...notFailing,
      };
    case "probe-failed":
      return afterFailure(status, event, retry);
    case "re-armed":
      if (status.status !== "down") return status;
      return { ...status, attempts: 0, exhausted: false, nextRetryAt: event.atMs, retryInMs: 0 };
  }
}

/**
 * Whole seconds after which it is worth asking again, for a `Retry-After` header: at least 1. A clock that was set back
 * cannot make it more than the pause that was decided.
 */
export function retryAfterSeconds(status: DependencyStatus, nowMs: number): number {
  if (status.nextRetryAt === undefined || status.retryInMs === undefined) return 1;
  const waitMs = Math.min(status.nextRetryAt - nowMs, status.retryInMs);
  return Math.max(1, Math.ceil(waitMs / 1000));
}

function afterFailure(
  status: DependencyStatus,
  event: Extract<StatusEvent, { type: "probe-failed" }>,
  retry: RetryPolicy,
): DownStatus {
  const { atMs } = event;
  const before = status.status === "down" ? status : undefined;
  const attempts = (before?.attempts ?? 0) + 1;
  const exhausted = retry.maxRetries > 0 && attempts >= retry.maxRetries;
  const delayMs = retryDelayMs(attempts, { ...retry, random: event.random });
  // A probe on demand of a request must not put off the retry that others were told of.
  const promisedMs = event.ahead ? (before?.nextRetryAt ?? 0) - atMs : 0;
  const retryInMs = exhausted ? undefined : promisedMs > 0 ? Math.min(promisedMs, delayMs) : delayMs;
  return {
    ...targetOf(status),
    status: "down",
    downSince: before?.downSince ?? atMs,
    lastCheckedAt: atMs,
    lastSuccessAt: status.lastSuccessAt,
    lastFailureAt: atMs,
    lastDurationMs: event.durationMs,
    consecutiveFailures: status.consecutiveFailures + 1,
    attempts,
    reason: event.failure.reason,
    lastError: event.failure.error,
    nextRetryAt: retryInMs === undefined ? undefined : atMs + retryInMs,
    retryInMs,
    exhausted,
    exhaustions: (before?.exhaustions ?? 0) + (exhausted && before?.exhausted !== true ? 1 : 0),
  };
}

function targetOf({ dependency, baseUrl, optional }: Target): Target {
  return { dependency, baseUrl, optional };
}
