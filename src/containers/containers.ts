import type { Clock } from "../async/clock.ts";
import type { Monitor } from "../connectivity/types.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts, LogEntry } from "../engine/facts.ts";
import { isLashError, LashError } from "../model/errors.ts";
import { type Calls, call } from "./calls.ts";
import { type ExecRequest, type ExecResult, runCaptured } from "./captured-exec.ts";
import { Cleanup, type CleanupRecord } from "./cleanup.ts";
import { type CreateRequest, type EnsuredImage, ensureImage, specOf } from "./create.ts";
import { ContainerEvents } from "./events.ts";
import { Follower } from "./follower.ts";
import { graceOf, isOwn } from "./labels.ts";
import { LastUsed } from "./last-used.ts";
import { MarkedExec } from "./marked-exec.ts";
import type { ContainerRecord } from "./record.ts";
import { Registry, recordOf } from "./registry.ts";
import { type TerminalSession, Terminals } from "./terminals.ts";

export interface ContainersOptions {
  /** The engine as of now; throws `engine-unreachable` while none was found. */
  readonly engine: () => Engine;
  readonly monitor: Pick<Monitor, "status" | "isOpen" | "subscribe" | "onRecovery" | "suspect" | "heartbeat">;
  /** Name that the containers are labelled with. */
  readonly server: string;
  readonly callTimeoutMs: number;
  readonly clock: Clock;
  /** Keeps when containers were last used. Undefined: memory alone. */
  readonly lastUsedFile?: string | undefined;
  /** Pause between a recovery and the first removal; default 5 s. */
  readonly restMs?: number | undefined;
  readonly onCleanup: (record: CleanupRecord) => void;
  readonly onFault: (error: unknown) => void;
}

interface WithSignal {
  readonly signal: AbortSignal;
}

/** Opens the server's containers. Nothing is asked of the engine before the monitor says that it is there. */
export async function openContainers(options: ContainersOptions): Promise<Containers> {
  const lastUsed = await LastUsed.open(options.lastUsedFile, options);
  return new Containers(options, lastUsed);
}

/** Containers on request. What is somebody else's does not exist here. */
export class Containers implements AsyncDisposable {
  readonly events = new ContainerEvents();
  readonly terminals: Terminals;
  readonly #options: ContainersOptions;
  readonly #calls: Calls;
  readonly #registry: Registry;
  readonly #follower: Follower;
  readonly #cleanup: Cleanup;
  readonly #lastUsed: LastUsed;
  readonly #endRecovery: () => void;

  constructor(options: ContainersOptions, lastUsed: LastUsed) {
    const { monitor, server, clock } = options;
    this.#options = options;
    this.#calls = { engine: options.engine, timeoutMs: options.callTimeoutMs };
    this.#lastUsed = lastUsed;
    this.terminals = new Terminals(() => clock.now());
    this.#registry = new Registry({
      server,
      nowMs: () => clock.now(),
      lastUsed: lastUsed.known,
      onChange: () => {
        this.#cleanup.look();
        this.#lastUsed.changed(this.#registry);
      },
    });
    const shared = { calls: this.#calls, registry: this.#registry, server, clock };
    this.#cleanup = new Cleanup({
      ...shared,
      isOpen: () => monitor.isOpen,
      suspect: () => monitor.suspect(),
      restMs: options.restMs ?? 5000,
      onRecord: options.onCleanup,
    });
    this.#follower = new Follower({ ...shared, monitor, events: this.events });
    this.#endRecovery = monitor.onRecovery({
      reconcile: async (given) => await this.#follower.reconcile(given),
      reopen: () => this.#cleanup.reopen(),
    });
  }

  /** What is known, without asking the engine. */
  known(): readonly ContainerRecord[] {
    return this.#registry.entries().map(recordOf);
  }

  async list(options: WithSignal): Promise<readonly ContainerRecord[]> {
    await this.#follower.reconcile(options);
    return this.known();
  }

  /** By id or name. Rejects with `engine-not-found` (`data.what` container), also for a container that is not ours. */
  async get(container: string, options: WithSignal): Promise<ContainerRecord> {
    const facts = await this.#find(container, options);
    return this.#record(facts);
  }

  async ensureImage(
    image: string,
    options: WithSignal & { readonly platform?: string | undefined },
  ): Promise<EnsuredImage> {
    return await ensureImage(this.#calls.engine(), image, options);
  }

  /** Gets the image, creates and starts. A container that does not start is removed again. */
  async create(request: CreateRequest, options: WithSignal): Promise<ContainerRecord> {
    const { signal } = options;
    const spec = specOf(request, this.#options.server);
    await ensureImage(this.#calls.engine(), request.image, { ...options, ...request });
    const doing = `create container "${spec.name}"`;
    const { id } = await call(this.#calls, { signal, doing }, (engine, within) =>
      engine.create(spec, { signal: within }),
    );
    if (request.start !== false) await this.#startNew(id, spec.name);
    return await this.get(id, { signal });
  }

  async start(container: string, options: WithSignal): Promise<ContainerRecord> {
    return await this.#act(container, { ...options, verb: "start" }, async (engine, { id }, signal) =>
      engine.start(id, { signal }).catch((error: unknown) => {
        throw ofThisContainer(error);
      }),
    );
  }

  async stop(
    container: string,
    options: WithSignal & { readonly graceMs?: number | undefined },
  ): Promise<ContainerRecord> {
    return await this.#act(container, { ...options, verb: "stop" }, async (engine, facts, signal) =>
      engine.stop(facts.id, { signal, graceMs: options.graceMs ?? graceOf(facts) }),
    );
  }

  /** Stops with grace, then removes. */
  async remove(
    container: string,
    options: WithSignal & { readonly graceMs?: number | undefined },
  ): Promise<void> {
    const facts = await this.#find(container, options);
    const graceMs = options.graceMs ?? graceOf(facts);
    const doing = `remove container "${facts.name}"`;
    await call(this.#calls, { ...options, doing, moreMs: graceMs }, async (engine, signal) => {
      if (facts.state === "running") await engine.stop(facts.id, { graceMs, signal });
      await engine.remove(facts.id, { signal });
    });
    this.#registry.drop(facts.id);
    this.terminals.closeOf(facts.id);
  }

  async exec(container: string, request: ExecRequest, { signal }: WithSignal): Promise<ExecResult> {
    const facts = await this.#usable(container, { signal });
    using _use = this.#registry.use(facts.id);
    const { clock } = this.#options;
    return await runCaptured(this.#calls.engine(), facts.id, { request, signal, clock });
  }

  /** Its output. Rejects first, before anything is iterated, when there is no such container. */
  async logs(
    container: string,
    options: WithSignal & {
      readonly follow: boolean;
      readonly tail?: number | undefined;
      readonly since?: string | undefined;
    },
  ): Promise<AsyncIterable<LogEntry>> {
    const facts = await this.#find(container, options);
    const engine = this.#calls.engine();
    const registry = this.#registry;
    registry.put(facts);
    return (async function* read(): AsyncGenerator<LogEntry, void, undefined> {
      using _use = registry.use(facts.id);
      yield* engine.logs(facts.id, options);
    })();
  }

  /** Makes sure that a terminal can be opened in it, and returns its id. */
  async terminalTarget(container: string, options: WithSignal): Promise<string> {
    return (await this.#usable(container, options)).id;
  }

  /** Starts a terminal's command. The container is in use until disposal. */
  async openTerminal(
    session: TerminalSession,
    { signal }: WithSignal,
  ): Promise<{ readonly exec: MarkedExec } & AsyncDisposable> {
    const { id } = await this.#usable(session.containerId, { signal });
    const use = this.#registry.use(id);
    try {
      const exec = await MarkedExec.open(this.#calls.engine(), id, {
        signal,
        command: session.command,
        user: session.user,
        env: { TERM: "xterm-256color" },
        tty: true,
        stdin: true,
      });
      return {
        exec,
        [Symbol.asyncDispose]: async () => {
          use[Symbol.dispose]();
          await exec[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      use[Symbol.dispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#endRecovery();
    await Promise.all([this.#cleanup[Symbol.asyncDispose](), this.#follower[Symbol.asyncDispose]()]);
    await this.#lastUsed.close(this.#registry);
  }

  /** Not bound to who asked: half a container helps nobody. */
  async #startNew(id: string, name: string): Promise<void> {
    const { signal } = new AbortController();
    const doing = `start container "${name}"`;
    try {
      await call(this.#calls, { signal, doing }, (engine, within) => engine.start(id, { signal: within }));
    } catch (error) {
      await call(this.#calls, { signal, doing }, (engine, within) =>
        engine.remove(id, { signal: within }),
      ).catch(() => {});
      throw ofThisContainer(error);
    }
  }

  async #act(
    container: string,
    { signal, verb, graceMs }: WithSignal & { readonly verb: string; readonly graceMs?: number | undefined },
    work: (engine: Engine, facts: ContainerFacts, signal: AbortSignal) => Promise<void>,
  ): Promise<ContainerRecord> {
    const facts = await this.#find(container, { signal });
    this.#refuseTerminating(facts);
    const doing = `${verb} container "${facts.name}"`;
    const moreMs = verb === "stop" ? (graceMs ?? graceOf(facts)) : 0;
    await call(this.#calls, { signal, doing, moreMs }, (engine, within) => work(engine, facts, within));
    this.#registry.touch(facts.id);
    return await this.get(facts.id, { signal });
  }

  /** A running container that is not about to be removed. */
  async #usable(container: string, options: WithSignal): Promise<ContainerFacts> {
    const facts = await this.#find(container, options);
    this.#refuseTerminating(facts);
    if (facts.state !== "running") {
      throw new LashError("engine-conflict", `Cannot use container "${facts.name}": it is ${facts.state}`, {
        data: { what: "container", container: facts.name },
        hint: "Start it first",
      });
    }
    return facts;
  }

  #refuseTerminating({ id, name }: ContainerFacts): void {
    if (this.#registry.get(id)?.cleanup.tag !== "running") return;
    throw new LashError("engine-conflict", `Cannot use container "${name}": it is being removed`, {
      data: { what: "container", container: name },
    });
  }

  async #find(container: string, { signal }: WithSignal): Promise<ContainerFacts> {
    const doing = `inspect container "${container}"`;
    const facts = await call(this.#calls, { signal, doing }, (engine, within) =>
      engine.inspect(container, { signal: within }),
    );
    if (facts === undefined || !isOwn(facts, this.#options.server)) {
      throw new LashError("engine-not-found", `Cannot find container "${container}": there is none`, {
        data: { what: "container", container },
      });
    }
    this.#registry.put(facts);
    return facts;
  }

  #record(facts: ContainerFacts): ContainerRecord {
    const entry = this.#registry.get(facts.id);
    if (entry === undefined) throw new Error("unreachable: a container of ours was just put in the registry");
    return recordOf(entry);
  }
}

/**
 * Engines answer 500 to a start for which the container is to blame: a port that is taken, a command that is not there.
 * The engine is well, so the error must not say that it has failed.
 */
function ofThisContainer(error: unknown): unknown {
  if (!isLashError(error, "engine-refused")) return error;
  const { message, data, hint } = error;
  const status = 422;
  return new LashError("engine-refused", message, { data: { ...data, status }, hint, cause: error });
}
