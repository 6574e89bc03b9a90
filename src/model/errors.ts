/**
 * Every code a {@link LashError} may carry. Closed: tables over it (exit codes, documentation) do not compile until
 * they know a new one.
 */
export type ErrorCode =
  | "usage"
  | "manifest-not-found"
  | "manifest-invalid"
  | "variable-missing"
  | "resource-unknown"
  | "resource-failed"
  | "resource-busy"
  | "stop-failed"
  | "stack-held"
  | "stack-elsewhere"
  | "name-in-use"
  | "leftovers"
  | "state-unreadable"
  | "state-newer"
  | "engine-unreachable"
  | "engine-permission"
  | "engine-api-version"
  | "engine-refused"
  | "engine-not-found"
  | "engine-conflict"
  | "engine-unsupported"
  | "timed-out"
  | "cancelled"
  | "internal";

/** What a {@link LashError} is made from, besides its code and message. */
export interface LashErrorOptions {
  /** Facts behind the message, for programs: JSON values only, never a secret. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  /** What the person can do next, as an order. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

const brand = Symbol.for("lashing.error");

/**
 * An operation of ours that could not be done. The message reads "Cannot <do X>: <why>", with names in quotes and no
 * full stop. What happened to a container is not an error but a failure, see recovery/failure.ts.
 */
export class LashError extends Error {
  override readonly name = "LashError";
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;
  readonly [brand] = true;

  constructor(code: ErrorCode, message: string, options: LashErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.data = options.data ?? {};
    this.hint = options.hint;
  }
}

/** Whether `value` is a LashError, also one made by another copy of this package; `code` narrows to that code. */
export function isLashError(value: unknown, code?: ErrorCode): value is LashError {
  if (typeof value !== "object" || value === null || !(brand in value)) return false;
  return code === undefined || (value as LashError).code === code;
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
