import { join } from "node:path";
import { type Clock, systemClock } from "../async/clock.ts";
import { durationBucketSeconds, outageSeconds } from "../connectivity/counters.ts";
import { failFast } from "../connectivity/fail-fast.ts";
import { startMonitor } from "../connectivity/monitor.ts";
import { redactUrls } from "../connectivity/redact.ts";
import { type ConnectivitySettings, readSettings, settingsText } from "../connectivity/settings.ts";
import { healthSnapshot } from "../connectivity/snapshot.ts";
import { retryAfterSeconds } from "../connectivity/status.ts";
import type { Monitor } from "../connectivity/types.ts";
import { openContainers } from "../containers/containers.ts";
import { chooseServerEngine, type ServerEngine } from "./server-engine.ts";
import type { ServerDependency, ServerHooks, ServerPort } from "./server-port.ts";
import { openServerStacks } from "./server-stacks.ts";

/** Where the server keeps what is not on the engine. */
export const defaultDataFolder = join(".lash", "server");
const defaultServerName = "default";

export interface ServerPortOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly hooks: ServerHooks;
  readonly signal: AbortSignal;
  /** Default `.lash/server` in the working directory. */
  readonly data?: string | undefined;
  /** Folder of the manifests that may be brought up and down. Undefined: none. */
  readonly stacks?: string | undefined;
  /** Label of the server's containers; a second server on one engine needs another. */
  readonly name?: string | undefined;
  /** For tests: instead of what the environment names. */
  readonly engine?: ServerEngine | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * What a server works with: engine, monitor, containers, stacks. Resolves without having asked the engine anything,
 * unless that is required: then rejects with `engine-unreachable` when it is not there. Rejects with `usage`, naming the
 * variable, for settings that make no sense.
 */
export async function openServerPort(options: ServerPortOptions): Promise<ServerPort> {
  const { environment, hooks, signal, clock = systemClock } = options;
  const settings = readSettings(environment);
  await using opened = new AsyncDisposableStack();
  const engine = opened.use(options.engine ?? (await chooseServerEngine(settings, environment)));
  const monitor = opened.use(watch(engine, { settings, hooks, clock }));
  const containers = opened.use(
    await openContainers({
      engine: engine.current,
      monitor,
      server: options.name ?? defaultServerName,
      callTimeoutMs: settings.callTimeoutMs,
      clock,
      lastUsedFile: join(options.data ?? defaultDataFolder, "last-used.json"),
      onCleanup: hooks.onCleanup,
      onFault: hooks.onFault,
    }),
  );
  const stacks = opened.use(
    openServerStacks({
      engine: engine.current,
      folder: options.stacks,
      environment,
      callTimeoutMs: settings.callTimeoutMs,
      clock,
      onFault: hooks.onFault,
    }),
  );
  if (!settings.optional) {
    const missing = failFast(await monitor.firstCheck({ signal }));
    if (missing !== undefined) throw missing;
  }
  const work = opened.move();
  return {
    dependency: dependencyOf(engine, monitor, { settings, clock }),
    containers,
    stacks,
    settingsText: settingsText(settings),
    [Symbol.asyncDispose]: async () => await work.disposeAsync(),
  };
}

interface Surroundings {
  readonly settings: ConnectivitySettings;
  readonly clock: Clock;
}

function watch(
  engine: ServerEngine,
  { settings, hooks, clock }: Surroundings & { readonly hooks: ServerHooks },
): Monitor {
  const { dependency, baseUrl, socketPath, probe } = engine;
  return startMonitor({
    target: { dependency, baseUrl, optional: settings.optional },
    probe,
    retry: settings.retry,
    probeIntervalMs: settings.probeIntervalMs,
    socketPath,
    clock,
    random: Math.random,
    onRecord: hooks.onDependency,
    onFault: hooks.onFault,
  });
}

function dependencyOf(
  engine: ServerEngine,
  monitor: Monitor,
  { settings, clock }: Surroundings,
): ServerDependency {
  return {
    name: engine.dependency,
    optional: settings.optional,
    get isUp() {
      return monitor.status.status === "up";
    },
    // A local engine may have been found elsewhere than it was first looked for.
    snapshot: () => ({ ...healthSnapshot(monitor.status), baseUrl: redactUrls(engine.baseUrl) }),
    demand: async ({ signal }) => (await monitor.demand({ signal })).status === "up",
    retryAfterSeconds: () => retryAfterSeconds(monitor.status, clock.now()),
    suspect: () => monitor.suspect(),
    onLoss: (listener) =>
      monitor.subscribe((next, previous) => {
        if (next.status === "down" && previous.status !== "down") listener();
      }),
    rearm: () => monitor.rearm(),
    measures: () => ({
      counters: monitor.counters,
      bucketSeconds: durationBucketSeconds,
      consecutiveFailures: monitor.status.consecutiveFailures,
      outageSeconds: outageSeconds(monitor.counters, monitor.status, clock.now()),
    }),
  };
}
