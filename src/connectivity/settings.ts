import { maxDurationMs } from "../model/duration.ts";
import { LashError } from "../model/errors.ts";
import { redactUrls } from "./redact.ts";
import type { RetryPolicy } from "./status.ts";

/** How a server finds its runner, and how it bears its absence. */
export interface ConnectivitySettings {
  /** Undefined: the engine of this machine. */
  readonly runner: RunnerAccess | undefined;
  /** Whether to start without it. */
  readonly optional: boolean;
  readonly retry: RetryPolicy;
  /** Pause between two probes while it is up. */
  readonly probeIntervalMs: number;
  /** For calls; a probe has a deadline of its own. */
  readonly callTimeoutMs: number;
}

/** A runner, and what its requests are signed with. */
export interface RunnerAccess {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly sharedSecret: string;
  /** Which of the runner's keys the secret is. Undefined: the default one. */
  readonly keyId: string | undefined;
}

/** Names of the variables, as a person sets them. */
export const variable = {
  baseUrl: "DOCKER_RUNNER_BASE_URL",
  sharedSecret: "DOCKER_RUNNER_SHARED_SECRET",
  keyId: "DOCKER_RUNNER_KEY_ID",
  optional: "DOCKER_RUNNER_OPTIONAL",
  baseDelay: "DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS",
  maxDelay: "DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS",
  jitter: "DOCKER_RUNNER_CONNECT_RETRY_JITTER_MS",
  probeInterval: "DOCKER_RUNNER_CONNECT_PROBE_INTERVAL_MS",
  maxRetries: "DOCKER_RUNNER_CONNECT_MAX_RETRIES",
  timeout: "DOCKER_RUNNER_TIMEOUT_MS",
} as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Settings from the environment, with defaults; an empty variable counts as unset. Throws `usage`, with the variable's
 * name in the message and in `data.variable`, when a value makes no sense.
 */
export function readSettings(environment: Environment): ConnectivitySettings {
  const settings: ConnectivitySettings = {
    runner: readRunner(environment),
    optional: readBoolean(environment, variable.optional, { unset: true }),
    retry: {
      baseDelayMs: readNumber(environment, variable.baseDelay, { unset: 500, least: 1 }),
      maxDelayMs: readNumber(environment, variable.maxDelay, { unset: 30_000, least: 1 }),
      jitterMs: readNumber(environment, variable.jitter, { unset: 250, least: 0 }),
      maxRetries: readNumber(environment, variable.maxRetries, { unset: 0, least: 0 }),
    },
    probeIntervalMs: readNumber(environment, variable.probeInterval, { unset: 30_000, least: 1 }),
    callTimeoutMs: readNumber(environment, variable.timeout, { unset: 30_000, least: 1 }),
  };
  const { baseDelayMs, maxDelayMs } = settings.retry;
  if (baseDelayMs > maxDelayMs) {
    throw refused(variable.baseDelay, `${baseDelayMs} is more than ${variable.maxDelay}, ${maxDelayMs}`);
  }
  return settings;
}

/** The settings in effect, a line each, without secrets: printed once at start. */
export function settingsText(settings: ConnectivitySettings): string {
  const { runner, retry } = settings;
  const lines: readonly (readonly [string, string | number | boolean])[] = [
    [variable.baseUrl, runner === undefined ? "(none: local engine)" : redactUrls(runner.baseUrl)],
    [variable.sharedSecret, runner === undefined ? "(none)" : "(set)"],
    [variable.keyId, runner?.keyId ?? "(default)"],
    [variable.optional, settings.optional],
    [variable.baseDelay, retry.baseDelayMs],
    [variable.maxDelay, retry.maxDelayMs],
    [variable.jitter, retry.jitterMs],
    [variable.maxRetries, retry.maxRetries === 0 ? "0 (unlimited)" : retry.maxRetries],
    [variable.probeInterval, settings.probeIntervalMs],
    [variable.timeout, settings.callTimeoutMs],
  ];
  return lines.map(([name, value]) => `${name}=${value}`).join("\n");
}

function readRunner(environment: Environment): ConnectivitySettings["runner"] {
  const address = environment[variable.baseUrl] ?? "";
  const sharedSecret = environment[variable.sharedSecret] ?? "";
  if (address === "" && sharedSecret === "") return undefined;
  if (address === "") throw refused(variable.baseUrl, `it is missing, but ${variable.sharedSecret} is set`);
  if (sharedSecret === "")
    throw refused(variable.sharedSecret, `it is missing, but ${variable.baseUrl} is set`);
  // What is no URL is not repeated: nobody can tell where the password in it ends.
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw refused(variable.baseUrl, "it is no URL that begins with http:// or https://");
  }
  if (url.search !== "" || url.hash !== "") {
    throw refused(
      variable.baseUrl,
      "it has a query or a fragment, which cannot be part of every call's path",
    );
  }
  return { baseUrl: url.href.replace(/\/+$/, ""), sharedSecret, keyId: readKeyId(environment) };
}

function readKeyId(environment: Environment): string | undefined {
  const id = environment[variable.keyId] ?? "";
  if (id === "") return undefined;
  if (/^[\w.-]{1,64}$/.test(id)) return id;
  throw refused(variable.keyId, `expected 1 to 64 letters, digits, "_", "." and "-", found "${shown(id)}"`);
}

function readNumber(
  environment: Environment,
  name: string,
  { unset, least }: { readonly unset: number; readonly least: number },
): number {
  const text = environment[name] ?? "";
  if (text === "") return unset;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  // A timer cannot wait longer than the upper limit: Node fires it at once instead.
  if (value >= least && value <= maxDurationMs) return value;
  throw refused(name, `expected a whole number from ${least} to ${maxDurationMs}, found "${shown(text)}"`);
}

function readBoolean(
  environment: Environment,
  name: string,
  { unset }: { readonly unset: boolean },
): boolean {
  const text = environment[name] ?? "";
  if (text === "") return unset;
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw refused(name, `expected true, false, 1 or 0, found "${shown(text)}"`);
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function refused(name: string, why: string): LashError {
  return new LashError("usage", `Cannot use ${name}: ${why}`, {
    data: { variable: name },
    hint: `Correct ${name}, or leave it out for its default`,
  });
}
