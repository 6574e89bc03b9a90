import { formatDuration } from "../model/duration.ts";
import type { Dependency, DependencyStatus, DownStatus, UpStatus } from "./status.ts";

/** One structured line about a dependency. Contains no secrets. */
export interface LogRecord {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly dependency: Dependency;
  readonly baseUrl: string;
  readonly errorCode: string | undefined;
  readonly message: string;
  readonly retryInMs: number | undefined;
  /** ISO 8601. */
  readonly nextRetryAt: string | undefined;
  readonly consecutiveFailures: number;
  readonly state: DependencyStatus["status"];
  readonly downForMs: number;
}

/**
 * What to log when a status replaces another: every failed probe and every recovery, and nothing about probes that only
 * say again that it is up. The server adds `level` to its logger's call, the rest is the line.
 */
export function logRecord(previous: DependencyStatus, next: DependencyStatus): LogRecord | undefined {
  switch (next.status) {
    case "unknown":
      return undefined;
    case "up":
      return previous.status === "down" ? recovered(previous, next) : undefined;
    case "down":
      return next.consecutiveFailures === previous.consecutiveFailures ? undefined : failed(previous, next);
  }
}

function failed(previous: DependencyStatus, next: DownStatus): LogRecord {
  const { dependency, baseUrl, consecutiveFailures, lastError, retryInMs, nextRetryAt } = next;
  const why = lastError.message;
  const count = consecutiveFailures === 1 ? "1 failure" : `${consecutiveFailures} failures`;
  return {
    level: levelOf(previous, next),
    dependency,
    baseUrl,
    errorCode: lastError.code,
    message: next.exhausted ? `retries exhausted after ${count}: ${why}` : why,
    retryInMs,
    nextRetryAt: nextRetryAt === undefined ? undefined : new Date(nextRetryAt).toISOString(),
    consecutiveFailures,
    state: "down",
    downForMs: elapsed(next.downSince, next.lastCheckedAt),
  };
}

function levelOf(previous: DependencyStatus, next: DownStatus): LogRecord["level"] {
  if (previous.status !== "down") return "error";
  // Once an outage: a request re-arms it, and with few retries every second request would end in an error.
  if (next.exhausted && !previous.exhausted && next.exhaustions === 1) return "error";
  return Number.isInteger(Math.log2(next.consecutiveFailures)) ? "warn" : "debug";
}

function recovered(previous: DownStatus, next: UpStatus): LogRecord {
  const downForMs = elapsed(previous.downSince, next.lastSuccessAt);
  return {
    level: "info",
    dependency: next.dependency,
    baseUrl: next.baseUrl,
    errorCode: undefined,
    message: `${next.dependency} is up again after ${formatDuration(downForMs)}`,
    retryInMs: undefined,
    nextRetryAt: undefined,
    consecutiveFailures: 0,
    state: "up",
    downForMs,
  };
}

/** Never negative, though a clock may be set back. */
function elapsed(fromMs: number, toMs: number | undefined): number {
  return Math.max(0, Math.round((toMs ?? fromMs) - fromMs));
}
