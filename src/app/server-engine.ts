import type { Probe } from "../connectivity/attempt.ts";
import type { ConnectivitySettings, RunnerAccess } from "../connectivity/settings.ts";
import { variable } from "../connectivity/settings.ts";
import type { Dependency } from "../connectivity/status.ts";
import type { Engine } from "../engine/engine.ts";
import { isLashError, LashError } from "../model/errors.ts";
import { openFoundEngine } from "./engines.ts";

/** The engine of a server, which need not be there yet. */
export interface ServerEngine extends AsyncDisposable {
  readonly dependency: Dependency;
  /** Where it is, or would be; for people. */
  readonly baseUrl: string;
  /** Of a local engine: its return is noticed by its socket. */
  readonly socketPath: string | undefined;
  /** Throws `engine-unreachable` while there is none. */
  readonly current: () => Engine;
  readonly probe: Probe;
}

/** The engine that the settings name. Asks nobody anything. */
export async function chooseServerEngine(
  settings: ConnectivitySettings,
  environment: NodeJS.ProcessEnv,
): Promise<ServerEngine> {
  const { runner } = settings;
  if (runner === undefined) return new LocalServerEngine(environment);
  return await runnerEngine({ ...runner, timeoutMs: settings.callTimeoutMs });
}

async function runnerEngine(options: RunnerAccess & { readonly timeoutMs: number }): Promise<ServerEngine> {
  const { openRunner } = await import("../drivers/runner/open.ts");
  try {
    const engine = openRunner(options);
    return {
      dependency: "docker-runner",
      baseUrl: options.baseUrl,
      socketPath: undefined,
      current: () => engine,
      probe: async ({ signal }) => {
        await engine.ready({ signal });
      },
      [Symbol.asyncDispose]: async () => await engine[Symbol.asyncDispose](),
    };
  } catch (error) {
    if (!isLashError(error, "usage")) throw error;
    throw new LashError("usage", `Cannot use ${variable.baseUrl}: ${error.message}`, {
      data: { ...error.data, variable: variable.baseUrl },
      hint: error.hint,
    });
  }
}

const usualSocket = "/var/run/docker.sock";

/** The engine of this machine: looked for by every probe until it is found, then kept. */
class LocalServerEngine implements ServerEngine {
  readonly dependency = "engine";
  readonly #environment: NodeJS.ProcessEnv;
  #engine: Engine | undefined;
  #place: string;

  constructor(environment: NodeJS.ProcessEnv) {
    const named = environment["DOCKER_HOST"] ?? "";
    this.#environment = environment;
    this.#place = named === "" ? `unix://${usualSocket}` : named;
  }

  get baseUrl(): string {
    return this.#place;
  }

  get socketPath(): string | undefined {
    return this.#place.startsWith("unix://") ? this.#place.slice("unix://".length) : undefined;
  }

  readonly current = (): Engine => {
    if (this.#engine !== undefined) return this.#engine;
    throw new LashError("engine-unreachable", `Cannot use the engine: none was found yet (${this.#place})`);
  };

  readonly probe: Probe = async ({ signal }) => {
    if (this.#engine === undefined) {
      const { engine, endpoint } = await openFoundEngine(this.#environment, signal);
      // Nobody waits for it any more: another probe, or none, has followed.
      if (signal.aborted) await engine[Symbol.asyncDispose]();
      signal.throwIfAborted();
      this.#engine = engine;
      this.#place = endpoint;
    }
    try {
      await this.#engine.info({ signal });
    } catch (error) {
      // Another version, or another engine, is there now: the next probe looks anew.
      if (isLashError(error, "engine-api-version")) await this.#forget();
      throw error;
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forget();
  }

  async #forget(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.[Symbol.asyncDispose]();
  }
}
