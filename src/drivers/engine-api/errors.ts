import { LashError, messageOf } from "../../model/errors.ts";

/** The request a refusal answers. */
export interface Refused {
  /** What was being done, as it reads after "Cannot ". */
  readonly doing: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly message: string;
}

/** What to do about an engine whose API is too old or too new. */
export const versionHint =
  "Use an engine between Docker Engine 20.10 and the newest one, or Podman 4.3 or newer";

/** Turns a status and the engine's text into our codes. The text is kept whole, in the message and in `data`. */
export function refusal(refused: Refused): LashError {
  const { doing, method, path, status } = refused;
  const message = printable(refused.message);
  const options = { data: { status, message, method, path } };
  const text = `Cannot ${doing}: ${message === "" ? `the engine answered with status ${status}` : message}`;
  if (versionRefusal(status, message) !== undefined) {
    return new LashError("engine-api-version", text, {
      ...options,
      hint: versionHint,
    });
  }
  if (status === 404) return new LashError("engine-not-found", text, options);
  if (status === 409) return new LashError("engine-conflict", text, options);
  return new LashError("engine-refused", text, options);
}

/**
 * The API version an engine asks for when it refuses ours. moby writes "client version 1.47 is too new. Maximum
 * supported API version is 1.41" and "client version 1.40 is too old. Minimum supported API version is 1.44, please
 * upgrade your client to a newer version", both with status 400 (20.10 to 29).
 */
export function versionRefusal(status: number, message: string): string | undefined {
  if (status !== 400) return undefined;
  return /client version \S+ is too (?:new|old)\. (?:Maximum|Minimum) supported API version is (\d+\.\d+)/i.exec(
    message,
  )?.[1];
}

/**
 * An engine's refusal out of its error body: moby sends `message`, Podman also `cause`, which its message may lack.
 * Podman 4.3 answers 500 to what moby has a status for; its causes are a closed set of its own errors, so the status
 * meant is read from there.
 */
export function readRefusal(
  status: number,
  body: string,
): { readonly status: number; readonly message: string } {
  let message = body.trim();
  let cause = "";
  try {
    const parsed = JSON.parse(body) as { message?: unknown; cause?: unknown } | null;
    cause = typeof parsed?.cause === "string" ? parsed.cause : "";
    if (typeof parsed?.message === "string" && parsed.message !== "") message = parsed.message;
    else if (cause !== "") message = cause;
  } catch {
    // A proxy in between answers in prose or HTML; that is the message then.
  }
  return {
    status: podmanStatus.get(cause) ?? status,
    message: message.includes(cause) ? message : `${message}: ${cause}`,
  };
}

const podmanStatus: ReadonlyMap<string, number> = new Map([
  ["that name is already in use", 409],
  ["network already exists", 409],
  ["network is being used", 409],
  ["volume is being used", 409],
  ["image is in use by a container", 409],
  ["container state improper", 409],
  ["no such container", 404],
  ["network not found", 404],
  ["no such volume", 404],
  ["image not known", 404],
]);

/** Turns a failure of the connection into `engine-unreachable` or `engine-permission`. Our own errors pass. */
export function connectionError(doing: string, endpoint: string, cause: unknown): LashError {
  if (cause instanceof LashError) return cause;
  const code = codeOf(cause);
  const data = { endpoint, code };
  if (code === "EACCES" || code === "EPERM") {
    return new LashError("engine-permission", `Cannot ${doing}: no permission to use ${endpoint}`, {
      data,
      hint: permissionHint,
      cause,
    });
  }
  return new LashError("engine-unreachable", `Cannot ${doing}: ${reasonOf(cause)} (${endpoint})`, {
    data,
    hint: "Check that the engine runs, or name another with DOCKER_HOST",
    cause,
  });
}

export const permissionHint =
  "Ask for access to the engine's socket (its group is usually docker), or use a rootless engine";

/** Why an engine could not be reached, in words. */
export function reasonOf(cause: unknown): string {
  const code = codeOf(cause);
  if (code === "ENOENT") return "no engine listens there, the socket does not exist";
  if (code === "ECONNREFUSED") return "no engine listens there, the connection was refused";
  if (code === "EACCES" || code === "EPERM") return "no permission to use the socket";
  if (code === "ECONNRESET" || code === "EPIPE")
    return "the engine closed the connection before it answered in full";
  if (code.startsWith("HPE_")) return "what answers there does not speak HTTP as an engine does";
  return messageOf(cause);
}

/** Node's code of an error, "" if it has none. A failed connection to a name with several addresses hides it. */
export function codeOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return codeOf(cause.errors[0]);
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return "";
  return typeof cause.code === "string" ? cause.code : "";
}

/** Engines pass on what programs print: colours and bells do not belong into a message. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "").replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
}
