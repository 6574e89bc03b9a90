import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { LashError, messageOf } from "../model/errors.ts";

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** How the server runs. */
export interface ServerSettings {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Undefined: none is asked for, which is possible on loopback alone. */
  readonly token: string | undefined;
  /** Names, besides addresses and "localhost", that requests without a token may be for. */
  readonly allowedHosts: readonly string[];
  readonly logLevel: LogLevel;
  /** Longest time to wait for what is under way at the end. */
  readonly shutdownMs: number;
  /** Time between "not ready" and the end of accepting, for load balancers. */
  readonly drainMs: number;
}

/** Names of the variables, as a person sets them. */
export const serverVariable = {
  host: "LASH_SERVER_HOST",
  port: "LASH_SERVER_PORT",
  token: "LASH_SERVER_TOKEN",
  tokenFile: "LASH_SERVER_TOKEN_FILE",
  allowedHosts: "LASH_SERVER_ALLOWED_HOSTS",
  logLevel: "LASH_SERVER_LOG_LEVEL",
  shutdown: "LASH_SERVER_SHUTDOWN_MS",
  drain: "LASH_SERVER_DRAIN_MS",
} as const;

type Environment = Readonly<Record<string, string | undefined>>;

const shortestToken = 16;

/**
 * Settings from the environment; `flags`, from a command line, win. An empty variable counts as unset. Throws `usage`
 * with the name of the variable, in the message and in `data.variable`, when a value makes no sense.
 */
export function readServerSettings(
  environment: Environment,
  flags: { readonly host?: string | undefined; readonly port?: number | undefined } = {},
): ServerSettings {
  const host = readHost(flags.host ?? textOf(environment, serverVariable.host) ?? "127.0.0.1");
  const token = readToken(environment);
  if (token === undefined && !isLoopback(host)) {
    throw refused(serverVariable.token, `it is missing, and "${host}" can be reached from elsewhere`, {
      hint: `Set ${serverVariable.token} or ${serverVariable.tokenFile}, or listen on 127.0.0.1`,
    });
  }
  return {
    host,
    port: flags.port ?? readNumber(environment, serverVariable.port, { unset: 3010, most: 65_535 }),
    token,
    allowedHosts: readHosts(textOf(environment, serverVariable.allowedHosts) ?? ""),
    logLevel: readLogLevel(textOf(environment, serverVariable.logLevel) ?? "info"),
    shutdownMs: readNumber(environment, serverVariable.shutdown, { unset: 10_000, most: 600_000 }),
    drainMs: readNumber(environment, serverVariable.drain, { unset: 0, most: 600_000 }),
  };
}

/** The settings in effect, a line each, without secrets: printed once at start. */
export function serverSettingsText(settings: ServerSettings): string {
  const { allowedHosts, token } = settings;
  const lines: readonly (readonly [string, string | number])[] = [
    [serverVariable.host, settings.host],
    [serverVariable.port, settings.port],
    [serverVariable.token, token === undefined ? "(none)" : "(set)"],
    [serverVariable.allowedHosts, allowedHosts.length === 0 ? "(none)" : allowedHosts.join(",")],
    [serverVariable.logLevel, settings.logLevel],
    [serverVariable.shutdown, settings.shutdownMs],
    [serverVariable.drain, settings.drainMs],
  ];
  return lines.map(([name, value]) => `${name}=${value}`).join("\n");
}

/** Whether only this machine can reach a server that listens there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function readHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) !== 0 || isHostName(bare)) return bare;
  throw refused(serverVariable.host, `expected an address or a host name, found "${shown(host)}"`);
}

function isHostName(text: string): boolean {
  return text.length <= 253 && /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/.test(text);
}

function readToken(environment: Environment): string | undefined {
  const direct = textOf(environment, serverVariable.token);
  const file = textOf(environment, serverVariable.tokenFile);
  if (direct !== undefined && file !== undefined) {
    throw refused(serverVariable.tokenFile, `${serverVariable.token} is set too, and only one can count`);
  }
  if (direct !== undefined) return checkToken(direct, serverVariable.token);
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw refused(serverVariable.tokenFile, messageOf(error));
  }
  return checkToken(text.trim(), serverVariable.tokenFile);
}

/** The value is not repeated: it is a secret, even where it is a bad one. */
function checkToken(token: string, variable: string): string {
  if (token.length < shortestToken) throw refused(variable, `it is shorter than ${shortestToken} characters`);
  // What a header can carry: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) {
    throw refused(variable, "it has characters other than letters, digits and -._~+/=");
  }
  return token;
}

function readHosts(text: string): readonly string[] {
  const names = text
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  const bad = names.find((name) => !isHostName(name));
  if (bad === undefined) return names;
  throw refused(serverVariable.allowedHosts, `expected host names by comma, found "${shown(bad)}"`);
}

function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((each) => each === text);
  if (level !== undefined) return level;
  throw refused(serverVariable.logLevel, `expected one of ${logLevels.join(", ")}, found "${shown(text)}"`);
}

function readNumber(
  environment: Environment,
  name: string,
  { unset, most }: { readonly unset: number; readonly most: number },
): number {
  const text = textOf(environment, name);
  if (text === undefined) return unset;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= most) return value;
  throw refused(name, `expected a whole number from 0 to ${most}, found "${shown(text)}"`);
}

function textOf(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  return value === undefined || value === "" ? undefined : value;
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function refused(name: string, why: string, { hint }: { readonly hint?: string } = {}): LashError {
  return new LashError("usage", `Cannot use ${name}: ${why}`, {
    data: { variable: name },
    hint: hint ?? `Correct ${name}, or leave it out for its default`,
  });
}
