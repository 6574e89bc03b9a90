import { isLashError, LashError, messageOf } from "../../model/errors.ts";
import { lashErrorOf, type WireError } from "../../runner/protocol/errors.ts";

/** Why a runner cannot be used, in the words of the connectivity status. */
export type RunnerReason =
  | "refused"
  | "dns"
  | "timeout"
  | "reset"
  | "tls"
  | "auth-failed"
  | "clock-skew"
  | "engine-down"
  | "protocol"
  | "bad-response";

/** What is in `data` of every error that says the runner cannot be used. */
export interface RunnerTrouble {
  readonly reason: RunnerReason;
  /** For logs and the status: `runner_connection_refused`, or the runner's own code. */
  readonly errorCode: string;
  /** The answer's status; 0: there was none. */
  readonly statusCode: number;
}

/** Trouble in an error of this driver; undefined for what is no outage. */
export function runnerTrouble(error: unknown): RunnerTrouble | undefined {
  if (!isLashError(error)) return undefined;
  const { reason, errorCode, statusCode } = error.data;
  if (typeof reason !== "string" || typeof errorCode !== "string" || typeof statusCode !== "number")
    return undefined;
  return { reason: reason as RunnerReason, errorCode, statusCode };
}

const hints: Readonly<Record<RunnerReason, string>> = {
  refused: "Check that `lash runner` runs there, and DOCKER_RUNNER_BASE_URL",
  dns: "Check the host name in DOCKER_RUNNER_BASE_URL",
  timeout: "Check that the runner is not stopped or overloaded",
  reset: "Check that `lash runner` still runs",
  tls: "Check the runner's certificate, and whether its address has to begin with https://",
  "auth-failed": "Use the same DOCKER_RUNNER_SHARED_SECRET for the runner and here",
  "clock-skew": "Set the clocks of both machines: they are too far apart",
  "engine-down": "Check the engine on the runner's machine",
  protocol: "Check that DOCKER_RUNNER_BASE_URL is that of a runner",
  "bad-response": "Use the same version of Lash for the runner and here",
};

/** A runner that cannot be used. */
export function unreachable(
  doing: string,
  trouble: RunnerTrouble & { readonly why: string; readonly endpoint: string; readonly cause?: unknown },
): LashError {
  const { reason, errorCode, statusCode, why, endpoint, cause } = trouble;
  const isTheirs = isRunnersAnswer(trouble);
  const code = isTheirs ? errorCode : codeOf(cause) || (reason === "timeout" ? "ETIMEDOUT" : errorCode);
  return new LashError("engine-unreachable", `Cannot ${doing}: ${why} (${endpoint})`, {
    // `status` and `code` are those of an answer only where a runner has given it.
    data: { reason, errorCode, statusCode, endpoint, code, ...(isTheirs ? { status: statusCode } : {}) },
    hint: hints[reason],
    cause,
  });
}

/** Whether a runner answered, and not something in between or in its place. */
function isRunnersAnswer({ errorCode, statusCode }: RunnerTrouble): boolean {
  return statusCode !== 0 && !errorCode.startsWith("runner_");
}

/** A failure of the connection. Our own errors pass. */
export function connectionError(doing: string, endpoint: string, cause: unknown): LashError {
  if (isLashError(cause)) return cause;
  const [reason, errorCode, why] = networkTrouble(cause);
  return unreachable(doing, { reason, errorCode, statusCode: 0, why, endpoint, cause });
}

function networkTrouble(cause: unknown): readonly [RunnerReason, string, string] {
  const code = codeOf(cause);
  if (code === "ECONNREFUSED")
    return ["refused", "runner_connection_refused", "no runner listens there, the connection was refused"];
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH")
    return ["refused", "runner_host_unreachable", "the network does not lead there"];
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return ["dns", "runner_host_unreachable", "the runner's host name is not known"];
  if (code === "ETIMEDOUT") return ["timeout", "runner_connection_timeout", "no connection was made in time"];
  if (code === "ECONNRESET" || code === "EPIPE")
    return [
      "reset",
      "runner_connection_reset",
      "the runner closed the connection before it answered in full",
    ];
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/.test(code))
    return ["tls", "runner_tls_error", `no secure connection: ${messageOf(cause)}`];
  if (code.startsWith("HPE_"))
    return ["protocol", "runner_protocol_error", "what answers there does not speak HTTP"];
  return ["reset", "runner_network_error", messageOf(cause)];
}

/** No answer within the call's time. */
export function tooLate(doing: string, endpoint: string, ms: number): LashError {
  return unreachable(doing, {
    reason: "timeout",
    errorCode: "runner_request_timeout",
    statusCode: 0,
    why: `the runner did not answer within ${ms / 1000} s`,
    endpoint,
  });
}

/** Codes of a runner that cannot work now; nothing has been done. */
const outageCodes = new Set(["shutting_down", "too_busy", "too_many_nonces", "docker_unavailable"]);

/** An answer that is no success, as the engine port has it. */
export function answerError(
  doing: string,
  answer: { readonly status: number; readonly body: WireError; readonly endpoint: string },
): LashError {
  const { status, body, endpoint } = answer;
  const { code, message } = body.error;
  const trouble = { errorCode: code, statusCode: status, endpoint };
  if (status === 401) {
    const reason = code === "timestamp_out_of_range" ? "clock-skew" : "auth-failed";
    return unreachable(doing, { ...trouble, reason, why: `the runner refused the signature: ${code}` });
  }
  const known = lashErrorOf(body, status, { errorCode: code, statusCode: status });
  if (
    known?.code === "engine-unreachable" ||
    known?.code === "engine-permission" ||
    code === "docker_unavailable"
  )
    return unreachable(doing, { ...trouble, reason: "engine-down", why: `behind the runner: ${message}` });
  if (outageCodes.has(code)) return unreachable(doing, { ...trouble, reason: "refused", why: message });
  if (known !== undefined) return known;
  const data = { status, message, errorCode: code, statusCode: status };
  return new LashError("engine-refused", message, { data });
}

/** An answer that no runner gives. */
export function badAnswer(
  doing: string,
  {
    status,
    endpoint,
    cause,
  }: { readonly status: number; readonly endpoint: string; readonly cause?: unknown },
): LashError {
  const isGateway = status === 502 || status === 503 || status === 504;
  return unreachable(doing, {
    reason: isGateway ? "refused" : "bad-response",
    errorCode: isGateway ? "runner_gateway_error" : "runner_bad_response",
    statusCode: status,
    why: isGateway
      ? `something in between answered with status ${status}`
      : `what answers there is no runner (status ${status})`,
    endpoint,
    cause,
  });
}

/** Node's code of an error, "" if it has none. A failed connection to a name with several addresses hides it. */
export function codeOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return codeOf(cause.errors[0]);
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return "";
  return typeof cause.code === "string" ? cause.code : "";
}
