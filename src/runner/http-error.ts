import { isLashError, LashError } from "../model/errors.ts";
import { type WireError, wireErrorOf } from "./protocol/errors.ts";
import type { AuthRefusal } from "./protocol/verify.ts";

/** Codes of refusals that are the service's own and not the engine's. */
export type ServiceCode =
  | AuthRefusal
  | "validation_error"
  | "bad_json"
  | "bad_request"
  | "unsupported_media_type"
  | "body_too_large"
  | "body_too_slow"
  | "not_found"
  | "method_not_allowed"
  | "upgrade_required"
  | "foreign_object"
  | "policy_refused"
  | "too_busy"
  | "shutting_down"
  | "docker_unavailable";

const statuses: Readonly<Record<ServiceCode, number>> = {
  missing_headers: 401,
  invalid_timestamp: 401,
  timestamp_out_of_range: 401,
  replayed_nonce: 401,
  invalid_signature: 401,
  too_many_nonces: 503,
  validation_error: 400,
  bad_json: 400,
  bad_request: 400,
  unsupported_media_type: 415,
  body_too_large: 413,
  body_too_slow: 408,
  not_found: 404,
  method_not_allowed: 405,
  upgrade_required: 426,
  foreign_object: 403,
  policy_refused: 403,
  too_busy: 503,
  shutting_down: 503,
  docker_unavailable: 503,
};

/** A request refused by the service itself. */
export class HttpError extends Error {
  readonly code: ServiceCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ServiceCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }

  get status(): number {
    return statuses[this.code];
  }
}

/** An answer that is not a success. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: WireError;
}

/** Anything thrown as an answer. What is not one of our errors is "internal", and its text stays with us. */
export function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof HttpError) {
    const { code, message, status } = thrown;
    // A body that stopped coming leaves the connection in no state to be used again.
    const headers: Record<string, string> = { ...thrown.headers };
    if (status === 413 || status === 408) headers["connection"] = "close";
    if (status === 503) headers["retry-after"] = "1";
    return {
      status,
      headers,
      body: { error: { code, message, retryable: status >= 500 } },
    };
  }
  const error = isLashError(thrown)
    ? thrown
    : new LashError("internal", "Cannot answer: something unexpected went wrong in the runner");
  return { headers: {}, ...wireErrorOf(error) };
}
