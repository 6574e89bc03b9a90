import { type ErrorCode, isLashError, messageOf } from "../model/errors.ts";
import { redactUrls } from "./redact.ts";

const reasons = [
  "refused",
  "dns",
  "timeout",
  "reset",
  "tls",
  "auth-failed",
  "clock-skew",
  "engine-down",
  "protocol",
  "bad-response",
] as const;

/** Why a dependency cannot be used. `engine-down`: the runner answers, the engine behind it does not. */
export type Reason = (typeof reasons)[number];

/** The last error of a dependency, fit to be shown: no credentials, no control characters, one line. */
export interface LastError {
  /** The most particular code there is: the runner's, Node's, or ours. */
  readonly code: string;
  readonly message: string;
  /** Of the answer, if there was one. */
  readonly statusCode: number | undefined;
}

export interface ProbeFailure {
  readonly reason: Reason;
  readonly error: LastError;
}

/**
 * Reads what a probe threw. Of a LashError, `data.status` is the status of an answer and `data.code` the code in it, or
 * Node's code when there was no answer. Never throws.
 */
export function explainFailure(thrown: unknown): ProbeFailure {
  try {
    const facts = factsOf(thrown);
    const code = codeOf(facts);
    // Node gives an AggregateError of a failed connection no message.
    const message = readable(messageOf(thrown)) || code;
    return { reason: reasonOf(facts), error: { code, message, statusCode: facts.status } };
  } catch {
    // Anything can be thrown, also what throws itself when it is read.
    const message = "the probe threw what cannot be read";
    return { reason: "bad-response", error: { code: "unknown", message, statusCode: undefined } };
  }
}

/** What is known of an error, its causes included; of each kind the outermost. */
interface Facts {
  ours: ErrorCode | undefined;
  /** `data.code` of ours. */
  told: string | undefined;
  /** Code of an error that is not ours, for example Node's. */
  foreign: string | undefined;
  status: number | undefined;
  name: string | undefined;
  /** `data.reason` of ours: whoever spoke to the runner knows best. */
  reason: Reason | undefined;
}

/** Deeper chains of causes are not followed; they may be circular. */
const deepest = 8;

function factsOf(thrown: unknown): Facts {
  const facts: Facts = {
    ours: undefined,
    told: undefined,
    foreign: undefined,
    status: undefined,
    name: undefined,
    reason: undefined,
  };
  let link: unknown = thrown;
  for (let depth = 0; depth < deepest && typeof link === "object" && link !== null; depth++) {
    if (isLashError(link)) {
      facts.ours ??= link.code;
      facts.told ??= stringIn(link.data, "code");
      facts.status ??= numberIn(link.data, "status");
      facts.reason ??= reasonIn(link.data);
    } else {
      facts.foreign ??= stringIn(link, "code");
      facts.status ??= numberIn(link, "statusCode");
      facts.name ??= stringIn(link, "name");
    }
    // A name with several addresses fails with one error for each; the first tells as much as any.
    const first: unknown = link instanceof AggregateError ? link.errors[0] : undefined;
    link = first ?? ("cause" in link ? link.cause : undefined);
  }
  return facts;
}

function reasonOf({ ours, told, foreign, status, name, reason }: Facts): Reason {
  if (reason !== undefined) return reason;
  const answered = status !== undefined;
  const fromRunner = told === undefined ? undefined : runnerCodes.get(told);
  if (fromRunner !== undefined) return fromRunner;
  // The runner passes on what it was told: an unreachable engine in an answer is not an unreachable runner.
  if (answered && (ours === "engine-unreachable" || ours === "engine-permission")) return "engine-down";
  if (status === 401 || status === 403) return "auth-failed";
  const fromNetwork = answered ? undefined : (networkReason(told) ?? networkReason(foreign));
  if (fromNetwork !== undefined) return fromNetwork;
  if (name === "TimeoutError") return "timeout";
  if (name === "SyntaxError") return "bad-response";
  return ours === undefined ? "bad-response" : oursToReason[ours];
}

/** Codes in a runner's answers (runner/http-error.ts). Those of status 401 are told apart, so that a wrong clock is not taken for a wrong secret. */
const runnerCodes: ReadonlyMap<string, Reason> = new Map([
  ["missing_headers", "auth-failed"],
  ["invalid_timestamp", "auth-failed"],
  ["timestamp_out_of_range", "clock-skew"],
  ["replayed_nonce", "auth-failed"],
  ["invalid_signature", "auth-failed"],
  ["docker_unavailable", "engine-down"],
  ["shutting_down", "refused"],
]);

const networkCodes: ReadonlyMap<string, Reason> = new Map([
  ["ECONNREFUSED", "refused"],
  // A socket that does not exist, a host or network that cannot be got to: nobody is there.
  ["ENOENT", "refused"],
  ["ENOTSOCK", "refused"],
  ["EHOSTUNREACH", "refused"],
  ["ENETUNREACH", "refused"],
  ["EHOSTDOWN", "refused"],
  ["ENETDOWN", "refused"],
  ["EADDRNOTAVAIL", "refused"],
  ["EACCES", "auth-failed"],
  ["EPERM", "auth-failed"],
  ["ENOTFOUND", "dns"],
  ["EAI_AGAIN", "dns"],
  ["EAI_FAIL", "dns"],
  ["ENODATA", "dns"],
  ["ETIMEDOUT", "timeout"],
  ["ESOCKETTIMEDOUT", "timeout"],
  ["UND_ERR_CONNECT_TIMEOUT", "timeout"],
  ["UND_ERR_HEADERS_TIMEOUT", "timeout"],
  ["UND_ERR_BODY_TIMEOUT", "timeout"],
  ["ECONNRESET", "reset"],
  ["ECONNABORTED", "reset"],
  ["EPIPE", "reset"],
  ["UND_ERR_SOCKET", "reset"],
  ["EPROTO", "tls"],
  ["HOSTNAME_MISMATCH", "tls"],
  ["INVALID_CA", "tls"],
  ["INVALID_PURPOSE", "tls"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "tls"],
  ["PATH_LENGTH_EXCEEDED", "tls"],
]);

/** Families of codes: https://nodejs.org/api/tls.html#x509-certificate-error-codes, and llhttp's, which begin with HPE_. */
const networkFamilies: readonly (readonly [prefix: RegExp, reason: Reason])[] = [
  [/^(?:CERT_|CRL_|UNABLE_TO_|ERROR_IN_|ERR_TLS_|ERR_SSL_)/, "tls"],
  [/^(?:HPE_|ERR_HTTP)/, "protocol"],
];

function networkReason(code: string | undefined): Reason | undefined {
  if (code === undefined) return undefined;
  return networkCodes.get(code) ?? networkFamilies.find(([prefix]) => prefix.test(code))?.[1];
}

const oursToReason: Readonly<Record<ErrorCode, Reason>> = {
  "engine-unreachable": "refused",
  "engine-permission": "auth-failed",
  "engine-api-version": "protocol",
  "engine-unsupported": "protocol",
  "engine-refused": "bad-response",
  "engine-not-found": "bad-response",
  "engine-conflict": "bad-response",
  "timed-out": "timeout",
  cancelled: "timeout",
  usage: "bad-response",
  "manifest-not-found": "bad-response",
  "manifest-invalid": "bad-response",
  "variable-missing": "bad-response",
  "resource-unknown": "bad-response",
  "resource-failed": "bad-response",
  "resource-busy": "bad-response",
  "stop-failed": "bad-response",
  "stack-held": "bad-response",
  "stack-elsewhere": "bad-response",
  "name-in-use": "bad-response",
  leftovers: "bad-response",
  "state-unreadable": "bad-response",
  "state-newer": "bad-response",
  internal: "bad-response",
};

function codeOf({ ours, told, foreign, status, name }: Facts): string {
  if (told !== undefined) return told;
  if (foreign !== undefined && status === undefined) return foreign;
  return ours ?? foreign ?? name ?? "unknown";
}

function stringIn(holder: object, key: string): string | undefined {
  const value: unknown = Reflect.get(holder, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function numberIn(holder: object, key: string): number | undefined {
  const value: unknown = Reflect.get(holder, key);
  return typeof value === "number" ? value : undefined;
}

function reasonIn(data: object): Reason | undefined {
  const text = stringIn(data, "reason");
  return reasons.find((reason) => reason === text);
}

/** What others wrote, as one line of bounded length. */
function readable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const line = redactUrls(text).replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  return line.length > 500 ? `${line.slice(0, 500)}...` : line;
}
