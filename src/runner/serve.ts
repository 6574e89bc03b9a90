import { readFileSync } from "node:fs";
import { type DestinationStream, type Logger, pino } from "pino";
import { untilAborted } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import { LashError, messageOf } from "../model/errors.ts";
import { defaultPolicy, type Policy, parsePolicy } from "./policy.ts";
import { openRunnerService, type RunnerService } from "./service.ts";
import type { RunnerSettings } from "./settings.ts";

export interface ServeOptions {
  readonly settings: RunnerSettings;
  /** What runs the containers, at `settings.socket`. Stays the caller's. */
  readonly engine: Engine;
  /** Reads YAML into plain values, and throws what is wrong with it. */
  readonly parseYaml: (text: string, file: string) => unknown;
  /** Variables that the policy names. */
  readonly environment: NodeJS.ProcessEnv;
  /** Ends the service. */
  readonly signal: AbortSignal;
  /** Called each time keys and policy have to be read again; returns what stops that. */
  readonly onReload?: ((reload: () => void) => () => void) | undefined;
  readonly onListening?: ((service: RunnerService) => void) | undefined;
  /** Where logs go; the default is stdout. Who runs the process handles its errors. */
  readonly logTo?: DestinationStream | undefined;
}

/** A shorter secret can be guessed. */
const shortSecret = 16;

/**
 * Runs the service until the signal aborts, then ends it in bounded time. Rejects with `usage` when it cannot start: a
 * file that cannot be read, a policy that makes no sense, a port that is taken.
 */
export async function serveRunner(options: ServeOptions): Promise<void> {
  const { settings, engine, signal } = options;
  signal.throwIfAborted();
  const log = createLog(options);
  const { tls } = settings;
  await using service = await openRunnerService({
    engine,
    policy: readPolicy(options),
    host: settings.host,
    port: settings.port,
    tls: tls === undefined ? undefined : readTls(tls),
    log,
  });
  log.info(
    {
      url: service.url,
      socket: settings.socket,
      tls: tls !== undefined,
      policy: settings.policyFile ?? "default",
      logLevel: settings.logLevel,
    },
    "listening",
  );
  warn(settings, log);
  const stopReloading = options.onReload?.(() => reload(service, options, log));
  options.onListening?.(service);
  await untilAborted(signal);
  stopReloading?.();
}

/** Says what is allowed and unwise. */
function warn({ host, tls, sharedSecret }: RunnerSettings, log: Logger): void {
  if (sharedSecret.length < shortSecret)
    log.warn(
      { variable: "DOCKER_RUNNER_SHARED_SECRET" },
      `the secret is shorter than ${shortSecret} characters`,
    );
  const isLoopback = host === "localhost" || host === "::1" || host.startsWith("127.");
  if (tls === undefined && !isLoopback)
    log.warn(
      { variable: "DOCKER_RUNNER_TLS_CERT", host },
      "without TLS others can read what is sent, output too",
    );
}

/** A policy that is wrong leaves the old one in force. */
function reload(service: RunnerService, options: ServeOptions, log: Logger): void {
  try {
    service.setPolicy(readPolicy(options));
    log.info({ policy: options.settings.policyFile ?? "default" }, "policy read again");
  } catch (error) {
    log.error({ message: messageOf(error) }, "policy not read again, the old one stays");
  }
}

function createLog({ settings, logTo }: ServeOptions): Logger {
  const options = {
    level: settings.logLevel,
    base: { service: "runner" },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  // Not pino's own destination, which ends the process's work when it cannot write: what cannot be told is lost.
  return pino(options, logTo ?? process.stdout);
}

function readPolicy({ settings, environment, parseYaml }: ServeOptions): Policy {
  const { policyFile, sharedSecret } = settings;
  if (policyFile === undefined) return defaultPolicy(sharedSecret);
  const value = parseYaml(read(policyFile, "DOCKER_RUNNER_POLICY"), policyFile);
  const readSecret = (file: string): string => read(file, "DOCKER_RUNNER_POLICY");
  return parsePolicy(value, { sharedSecret, readSecret, environment, source: policyFile });
}

function readTls({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }): {
  readonly cert: string;
  readonly key: string;
} {
  return {
    cert: read(certFile, "DOCKER_RUNNER_TLS_CERT"),
    key: read(keyFile, "DOCKER_RUNNER_TLS_KEY"),
  };
}

function read(file: string, variable: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new LashError("usage", `Cannot start the runner: ${variable}: ${messageOf(cause)}`, {
      data: { variable, file },
      cause,
    });
  }
}
