import { type ErrorCode, isLashError, type LashError } from "../model/errors.ts";
import { type ApiCode, errorStatus } from "./contract.ts";

/** What is wrong with one part of a request. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** An answer that is no success, thrown by whoever knows that it has to be given. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ApiCode;
  readonly hint: string | undefined;
  readonly issues: readonly Issue[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ApiCode,
    message: string,
    options: {
      readonly hint?: string | undefined;
      readonly issues?: readonly Issue[] | undefined;
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.issues = options.issues;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return errorStatus[this.code];
  }

  /** The body of the answer. */
  get body(): { readonly error: Readonly<Record<string, unknown>> } {
    const { code, message, hint, issues } = this;
    return {
      error: {
        code,
        message,
        ...(hint === undefined ? {} : { hint }),
        ...(issues === undefined ? {} : { issues }),
      },
    };
  }
}

/** How an error of ours is answered. `unreachable`: like the guard, whatever the message. */
const apiCodes: Readonly<Record<ErrorCode, ApiCode | "unreachable">> = {
  usage: "validation_failed",
  "manifest-not-found": "stack_not_found",
  "manifest-invalid": "manifest_invalid",
  "variable-missing": "manifest_invalid",
  "resource-unknown": "resource_not_found",
  "resource-failed": "stack_failed",
  "resource-busy": "conflict",
  "stop-failed": "stack_failed",
  "stack-held": "stack_held",
  "stack-elsewhere": "conflict",
  "name-in-use": "conflict",
  leftovers: "stack_failed",
  "state-unreadable": "internal",
  "state-newer": "conflict",
  "engine-unreachable": "unreachable",
  "engine-permission": "unreachable",
  "engine-api-version": "unreachable",
  "engine-refused": "engine_refused",
  "engine-not-found": "container_not_found",
  "engine-conflict": "conflict",
  "engine-unsupported": "engine_unsupported",
  "timed-out": "unreachable",
  cancelled: "shutting_down",
  internal: "internal",
};

/** Things by what `data.what` calls them. */
const notFound: Readonly<Record<string, ApiCode>> = {
  container: "container_not_found",
  image: "image_not_found",
  stack: "stack_not_found",
  resource: "resource_not_found",
  session: "session_not_found",
};

/**
 * The answer for anything that was thrown; "unreachable" when the engine could not be asked. What nobody foresaw says
 * nothing about itself to the outside.
 */
export function apiErrorOf(thrown: unknown): ApiError | "unreachable" {
  if (thrown instanceof ApiError) return thrown;
  if (!isLashError(thrown)) {
    return new ApiError("internal", "Cannot answer: something unforeseen happened", { cause: thrown });
  }
  const code = codeOf(thrown);
  if (code === "unreachable") return code;
  return new ApiError(code, thrown.message, { hint: thrown.hint, cause: thrown });
}

function codeOf({ code, data }: LashError): ApiCode | "unreachable" {
  const status = typeof data["status"] === "number" ? data["status"] : undefined;
  // The runner does not take our signature, or its policy says no: the first is an outage, the second an answer.
  if (code === "engine-refused" && status === 401) return "unreachable";
  if (code === "engine-refused" && (status === 502 || status === 503 || status === 504)) return "unreachable";
  if (code === "engine-refused" && status !== undefined && status >= 500) return "engine_failed";
  if (code === "resource-unknown" || code === "engine-not-found") {
    const what = typeof data["what"] === "string" ? data["what"] : "";
    return notFound[what] ?? (code === "engine-not-found" ? "container_not_found" : "resource_not_found");
  }
  if (code === "resource-busy" && data["what"] === "sessions") return "too_many_requests";
  return apiCodes[code] ?? "internal";
}
