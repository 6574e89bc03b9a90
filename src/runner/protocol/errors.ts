import { z } from "zod";
import { type ErrorCode, isLashError, LashError } from "../../model/errors.ts";

/** The body of every answer that is not a success. */
export interface WireError {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    /** Facts behind the message, as a LashError has them. */
    readonly data?: Readonly<Record<string, unknown>> | undefined;
    readonly hint?: string | undefined;
  };
}

export const wireErrorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    retryable: z.boolean().default(false),
    data: z.record(z.string(), z.unknown()).optional(),
    hint: z.string().optional(),
  }),
});

/** Statuses of errors that carry none of the engine's own. */
const statuses: Readonly<Record<ErrorCode, number>> = {
  usage: 400,
  "manifest-not-found": 400,
  "manifest-invalid": 400,
  "variable-missing": 400,
  "resource-unknown": 404,
  "resource-failed": 409,
  "resource-busy": 409,
  "stop-failed": 409,
  "stack-held": 409,
  "stack-elsewhere": 409,
  "name-in-use": 409,
  leftovers: 409,
  "state-unreadable": 500,
  "state-newer": 500,
  "engine-unreachable": 503,
  "engine-permission": 503,
  "engine-api-version": 502,
  "engine-refused": 422,
  "engine-not-found": 404,
  "engine-conflict": 409,
  "engine-unsupported": 501,
  "timed-out": 504,
  cancelled: 503,
  internal: 500,
};

const unsupportedStatus = 501;

/** An error of the engine port as status and body: the engine's own status is kept. */
export function wireErrorOf(error: LashError): { readonly status: number; readonly body: WireError } {
  const { code, message, data, hint } = error;
  const own = data["status"];
  // An engine that reports a failed build or pull has answered 200 before.
  const status = typeof own === "number" && own >= 400 && own <= 599 ? own : statuses[code];
  const retryable = status >= 500 && status !== unsupportedStatus;
  return { status, body: { error: { code: wireCode(code), message, retryable, data, hint } } };
}

/** An error from the wire as the engine port has it, if the code is one of that. */
export function lashErrorOf(
  { error }: WireError,
  status: number,
  more: Readonly<Record<string, unknown>> = {},
): LashError | undefined {
  const code = error.code.replaceAll("_", "-");
  if (!isErrorCode(code)) return undefined;
  return new LashError(code, error.message, {
    data: { status, ...error.data, ...more },
    hint: error.hint,
  });
}

/** Whether an operation may have failed because the engine behind the service is away. */
export function isEngineDown(error: unknown): boolean {
  return isLashError(error, "engine-unreachable") || isLashError(error, "engine-permission");
}

function wireCode(code: ErrorCode): string {
  return code.replaceAll("-", "_");
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(statuses, code);
}
