import { LashError } from "../model/errors.ts";

/** How the service runs. Paths as given; files are read at the start. */
export interface RunnerSettings {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly sharedSecret: string;
  /** Path of the engine's socket. */
  readonly socket: string;
  /** Undefined: plain HTTP. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** Undefined: the default policy. */
  readonly policyFile: string | undefined;
  readonly logLevel: LogLevel;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

const defaults = { host: "127.0.0.1", port: 7071, socket: "/var/run/docker.sock" } as const;

/** Settings from the environment. Rejects with `usage` what makes no sense, naming the variable. */
export function readRunnerSettings(environment: NodeJS.ProcessEnv): RunnerSettings {
  const text = (name: string): string | undefined => {
    const value = environment[name];
    return value === undefined || value === "" ? undefined : value;
  };
  return {
    host: readHost(text("DOCKER_RUNNER_HOST")),
    port: readPort(text("DOCKER_RUNNER_PORT")),
    sharedSecret: readSecret(text("DOCKER_RUNNER_SHARED_SECRET")),
    socket: readSocket(text("DOCKER_SOCKET")),
    tls: readTls(text("DOCKER_RUNNER_TLS_CERT"), text("DOCKER_RUNNER_TLS_KEY")),
    policyFile: text("DOCKER_RUNNER_POLICY"),
    logLevel: readLogLevel(text("DOCKER_RUNNER_LOG_LEVEL")),
  };
}

function readHost(value: string | undefined): string {
  if (value !== undefined && /[\s/]/.test(value))
    throw refused("DOCKER_RUNNER_HOST", "must be a host name or an address", value);
  return value ?? defaults.host;
}

function readPort(value: string | undefined): number {
  if (value === undefined) return defaults.port;
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535)
    throw refused("DOCKER_RUNNER_PORT", "must be a number from 0 to 65535", value);
  return Number(value);
}

function readSecret(value: string | undefined): string {
  if (value !== undefined) return value;
  throw new LashError("usage", "Cannot start the runner: DOCKER_RUNNER_SHARED_SECRET is not set", {
    data: { variable: "DOCKER_RUNNER_SHARED_SECRET" },
    hint: "Set it to a long random text, the same for the runner and for its clients",
  });
}

function readSocket(value: string | undefined): string {
  const path = value?.replace(/^unix:\/\//, "") ?? defaults.socket;
  if (!path.startsWith("/") || path.includes("\0"))
    throw refused("DOCKER_SOCKET", "must be the absolute path of a socket", value ?? "");
  return path;
}

function readTls(certFile: string | undefined, keyFile: string | undefined): RunnerSettings["tls"] {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  const [set, missing] =
    certFile === undefined
      ? ["DOCKER_RUNNER_TLS_KEY", "DOCKER_RUNNER_TLS_CERT"]
      : ["DOCKER_RUNNER_TLS_CERT", "DOCKER_RUNNER_TLS_KEY"];
  throw new LashError("usage", `Cannot start the runner: ${set} is set and ${missing} is not`, {
    data: { variable: missing },
    hint: "Set both for TLS, or neither",
  });
}

function readLogLevel(value: string | undefined): LogLevel {
  const level = logLevels.find((each) => each === (value ?? "info"));
  if (level === undefined)
    throw refused("DOCKER_RUNNER_LOG_LEVEL", `must be one of ${logLevels.join(", ")}`, value ?? "");
  return level;
}

function refused(variable: string, expected: string, found: string): LashError {
  return new LashError("usage", `Cannot start the runner: ${variable} ${expected}, found "${found}"`, {
    data: { variable, value: found },
  });
}
