import type { LastError, Reason } from "./reason.ts";
import type { DependencyStatus } from "./status.ts";

/** A dependency as `/health` shows it. JSON; times are ISO 8601; what is not known is left out. No secrets. */
export interface HealthSnapshot {
  readonly status: DependencyStatus["status"];
  readonly optional: boolean;
  readonly baseUrl: string;
  readonly consecutiveFailures: number;
  readonly exhausted: boolean;
  readonly lastCheckedAt?: string;
  readonly lastSuccessAt?: string;
  readonly lastFailureAt?: string;
  readonly lastDurationMs?: number;
  readonly nextRetryAt?: string;
  readonly reason?: Reason;
  readonly lastError?: Omit<LastError, "statusCode"> & { readonly statusCode?: number };
}

/** The status as plain data for people and programs. Reads memory only. */
export function healthSnapshot(status: DependencyStatus): HealthSnapshot {
  const { lastDurationMs, reason, lastError } = status;
  return {
    status: status.status,
    optional: status.optional,
    baseUrl: status.baseUrl,
    consecutiveFailures: status.consecutiveFailures,
    exhausted: status.exhausted,
    ...time("lastCheckedAt", status.lastCheckedAt),
    ...time("lastSuccessAt", status.lastSuccessAt),
    ...time("lastFailureAt", status.lastFailureAt),
    ...(lastDurationMs === undefined ? {} : { lastDurationMs }),
    ...time("nextRetryAt", status.nextRetryAt),
    ...(reason === undefined ? {} : { reason }),
    ...(lastError === undefined ? {} : { lastError: withoutUndefined(lastError) }),
  };
}

function time<Name extends string>(name: Name, ms: number | undefined): { readonly [N in Name]?: string } {
  if (ms === undefined) return {};
  return { [name]: new Date(ms).toISOString() } as { readonly [N in Name]?: string };
}

function withoutUndefined({
  code,
  message,
  statusCode,
}: LastError): NonNullable<HealthSnapshot["lastError"]> {
  return statusCode === undefined ? { code, message } : { code, message, statusCode };
}
