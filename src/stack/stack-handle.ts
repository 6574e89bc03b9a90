import { linkSignals, untilAborted } from "../async/signals.ts";
import { LashError } from "../model/errors.ts";
import type { JsonValue } from "../model/json.ts";
import type { Outputs, Stack } from "../model/stack.ts";
import type { RecoveryCounts } from "../recovery/counters.ts";
import type { Failure } from "../recovery/failure.ts";
import type { ControlHandler, ControlRequest } from "../state/control.ts";
import { adoptAll, adoptMembers } from "./adopt.ts";
import { Busy } from "./busy.ts";
import { restartResources, stopResources } from "./change.ts";
import { isAnyRunning, StackContext, type StackSettings } from "./context.ts";
import { down } from "./down.ts";
import { EventBus } from "./event-bus.ts";
import type { StackEvent } from "./events.ts";
import { execIn } from "./exec.ts";
import { followForeign, repeat } from "./foreign-events.ts";
import type { DownOptions, DownResult, StackHandle, SuperviseEnd, UpOptions } from "./handle.ts";
import { listStack } from "./list-stack.ts";
import { stackLogs } from "./logs.ts";
import { makePlan } from "./make-plan.ts";
import { missingError } from "./missing.ts";
import { observe } from "./observe.ts";
import { runOneOff } from "./one-off.ts";
import { selectForUp } from "./select.ts";
import { type EndListener, Supervisor } from "./supervisor.ts";
import { type Place, requestArguments, Tenancy } from "./tenancy.ts";
import { refuseElsewhere, up } from "./up.ts";

/** What a handle needs besides its settings. */
export interface HandleOptions extends Place {
  /** Awaited before something is made, for what must not exist before, such as generated passwords. */
  readonly prepare: () => Promise<void>;
  /** Names of missing variables, which `up` refuses. */
  readonly missing: readonly string[];
  /** Called once, when the handle is disposed. */
  readonly close: () => Promise<void>;
}

/** A stack bound to its engines. */
export function createStackHandle(settings: StackSettings, options: HandleOptions): StackHandle {
  return new LocalHandle(settings, options);
}

const neverAborted = new AbortController().signal;

class LocalHandle implements StackHandle {
  readonly #context: StackContext;
  readonly #options: HandleOptions;
  readonly #bus: EventBus;
  readonly #supervisor: Supervisor;
  readonly #tenancy: Tenancy;
  /** Ends the `up` that is under way, for a `down` from elsewhere. */
  #interruptUp = new AbortController();
  #upUnderWay: Promise<unknown> = Promise.resolve();
  readonly #starts = new Set<Promise<unknown>>();
  #ended = Promise.withResolvers<SuperviseEnd>();
  readonly #failed: Failure[] = [];
  readonly #busy = new Busy();

  constructor(settings: StackSettings, options: HandleOptions) {
    this.#bus = new EventBus(settings.stack.project, settings.clock);
    this.#context = new StackContext(settings, this.#bus);
    this.#supervisor = new Supervisor(this.#context);
    this.#options = options;
    this.#tenancy = new Tenancy(options, (...call) => this.#answer(...call));
  }

  get stack(): Stack {
    return this.#context.stack;
  }

  async up(options: UpOptions = {}): Promise<Awaited<ReturnType<StackHandle["up"]>>> {
    this.#refuseMissing();
    const signal = options.signal ?? neverAborted;
    const chosen = selectForUp(this.stack, options).map(({ name }) => name);
    using _claim = this.#busy.claim("start", chosen);
    await this.#tenancy.hold(signal);
    this.#interruptUp = new AbortController();
    this.#ended = Promise.withResolvers();
    const work = this.#interruptible(options, signal);
    this.#upUnderWay = work.catch(() => {});
    try {
      return await work;
    } catch (error) {
      await this.#supervisor.release();
      await this.#tenancy.letGo();
      throw error;
    }
  }

  async #interruptible(options: UpOptions, signal: AbortSignal): ReturnType<StackHandle["up"]> {
    await this.#options.prepare();
    using linked = linkSignals(signal, this.#interruptUp.signal);
    return await up(this.#context, this.#supervisor, {
      select: () => selectForUp(this.stack, options),
      options,
      signal: linked.signal,
      killSignal: options.killSignal ?? neverAborted,
      ended: this.#listenerOf,
    });
  }

  async plan(options: UpOptions = {}): ReturnType<StackHandle["plan"]> {
    this.#refuseMissing();
    return makePlan(this.#context, () => selectForUp(this.stack, options), options);
  }

  async down(options: DownOptions = {}): Promise<DownResult> {
    const asked = requestArguments({ volumes: options.volumes === true, graceMs: options.graceMs });
    return this.#here("down", asked, options, async () => {
      await this.#endWork();
      const result = await this.#downHere(options);
      await this.#tenancy.letGo();
      return result;
    });
  }

  async #downHere(options: DownOptions): Promise<DownResult> {
    return down(this.#context, { ...options, killSignal: options.killSignal ?? neverAborted });
  }

  async supervise({ signal }: { readonly signal: AbortSignal }): Promise<SuperviseEnd> {
    if (this.#tenancy.mine === undefined && this.#context.members.size === 0) {
      await this.#tenancy.hold(signal);
      await adoptAll(this.#context, signal);
      this.#supervisor.settleStart();
      for (const { name } of this.stack.resources) this.#watch(name);
    }
    const onAbort = (): void => this.#ended.resolve({ reason: "signal" });
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#endIfAllEnded();
    try {
      return await this.#ended.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      await this.#supervisor.release();
    }
  }

  /** A stack in which nothing runs any more has nothing to supervise. */
  #endIfAllEnded(): void {
    if (!isAnyRunning(this.#context)) this.#ended.resolve({ reason: "all-ended", failures: this.#failed });
  }

  #watch(name: string): void {
    this.#supervisor.watch(name, this.#listenerOf(name));
  }

  /** After a change of these that may have failed for some. */
  #watchAgain(names: readonly string[]): void {
    for (const name of names) if (this.#context.board.get(name).tag !== "failed") this.#watch(name);
    this.#endIfAllEnded();
  }

  readonly #listenerOf = (name: string): EndListener => ({
    failed: (failure) => {
      this.#failed.push(failure);
      this.#context.board.set(name, { tag: "failed", failure });
      this.#bus.emit({ type: "resource_failed", name, error: failure.message, failure });
      this.#endIfAllEnded();
    },
    stopped: () => this.#endIfAllEnded(),
  });

  async runUntilSignal(options: UpOptions & { readonly signal: AbortSignal }): Promise<void> {
    await this.up(options);
    const { reason } = await this.supervise({ signal: options.signal });
    if (reason === "signal") await this.down({ graceMs: options.graceMs, killSignal: options.killSignal });
  }

  async restart(resources: readonly string[], options: DownOptions = {}): Promise<void> {
    await this.#change("restart", resources, options, async (names) => {
      await this.#supervisor.release(names);
      try {
        await restartResources(this.#context, names, options);
      } finally {
        this.#watchAgain(names);
      }
    });
  }

  async stop(resources: readonly string[], options: DownOptions = {}): Promise<void> {
    await this.#change("stop", resources, options, async (names) => {
      await this.#supervisor.release(names);
      await stopResources(this.#context, names, options);
    });
  }

  async start(resources: readonly string[], options: UpOptions = {}): Promise<void> {
    this.#refuseMissing();
    await this.#change("start", resources, options, async (names) => {
      await this.#supervisor.release(names);
      this.#supervisor.settleStart();
      if (this.#interruptUp.signal.aborted) this.#interruptUp = new AbortController();
      const only = { ...options, resources: names, keep: true };
      const work = this.#interruptible(only, options.signal ?? neverAborted);
      this.#starts.add(work);
      try {
        await work;
      } catch (error) {
        this.#watchAgain(names);
        throw error;
      } finally {
        this.#starts.delete(work);
      }
    });
  }

  /** One change of a resource at a time; different resources do not wait for each other. */
  async #change(
    command: "restart" | "stop" | "start",
    resources: readonly string[],
    options: { readonly signal?: AbortSignal | undefined; readonly graceMs?: number | undefined },
    work: (names: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const names = resources.length > 0 ? resources : this.stack.resources.map(({ name }) => name);
    selectForUp(this.stack, { resources: names });
    const asked = requestArguments({ resources: [...names], graceMs: options.graceMs });
    await this.#here(command, asked, options, async () => {
      const touched = command === "start" ? selectForUp(this.stack, { resources: names }) : undefined;
      using _claim = this.#busy.claim(command, touched?.map(({ name }) => name) ?? names);
      try {
        const observation = await observe(this.#context.settings.engines, this.stack.project, {
          signal: options.signal ?? neverAborted,
        });
        adoptMembers(this.#context, observation);
        await work(names);
      } finally {
        if (this.#tenancy.mine?.role === command) await this.#supervisor.release(names);
      }
    });
  }

  async #here<T>(
    command: ControlRequest["command"],
    asked: ControlRequest["arguments"],
    options: { readonly signal?: AbortSignal | undefined },
    work: () => Promise<T>,
  ): Promise<T> {
    const request = { command, arguments: asked };
    return this.#tenancy.here(
      request,
      options.signal ?? neverAborted,
      (said) => repeat(this.#context, said),
      work,
    );
  }

  /** What others ask of the holder. */
  async #answer(...[request, say, gone]: Parameters<ControlHandler>): Promise<JsonValue> {
    const asked = request.arguments;
    const graceMs = typeof asked["graceMs"] === "number" ? asked["graceMs"] : undefined;
    const names = Array.isArray(asked["resources"]) ? asked["resources"].map(String) : [];
    if (request.command === "status") return this.#status();
    if (request.command === "release") return this.#release();
    const unlisten = this.#bus.listen((event) => say(JSON.parse(JSON.stringify(event)) as JsonValue));
    try {
      if (request.command === "events") return await untilAborted(gone).then(() => null);
      this.#bus.emit({
        type: "notice",
        message: `\`lash ${request.command}\` was asked for elsewhere`,
        hint: undefined,
      });
      switch (request.command) {
        case "down":
          return await this.#downForOther({ volumes: asked["volumes"] === true, graceMs });
        case "stop":
          await this.stop(names, { graceMs });
          return null;
        case "restart":
          await this.restart(names, { graceMs });
          return null;
        case "start":
          await this.start(names);
          return null;
      }
    } finally {
      unlisten();
    }
  }

  #status(): JsonValue {
    const { board } = this.#context;
    const statuses = Object.fromEntries(this.stack.resources.map(({ name }) => [name, board.get(name)]));
    return JSON.parse(JSON.stringify({ holder: this.#tenancy.mine ?? null, statuses })) as JsonValue;
  }

  #release(): JsonValue {
    if (this.#tenancy.mine?.role !== "supervisor") return false;
    // Answered first: letting go waits for the connections, this one among them.
    setImmediate(() => {
      // Its watches end first: the next holder must not see anything restarted by this one.
      void this.release().then(() => this.#ended.resolve({ reason: "released" }));
    });
    return true;
  }

  async #downForOther(options: DownOptions): Promise<JsonValue> {
    const stop = new LashError("cancelled", "Cannot go on: the stack was taken down from elsewhere");
    this.#interruptUp.abort(stop);
    try {
      await this.#endWork();
      return JSON.parse(JSON.stringify(await this.#downHere(options))) as JsonValue;
    } finally {
      setImmediate(() => this.#ended.resolve({ reason: "down" }));
    }
  }

  async #endWork(): Promise<void> {
    await Promise.allSettled([this.#upUnderWay, ...this.#starts]);
    await this.#supervisor.release();
  }

  async list(options: Parameters<StackHandle["list"]>[0] = {}): ReturnType<StackHandle["list"]> {
    const { signal = neverAborted, urls = true } = options;
    return listStack(this.#context, this.#tenancy, { signal, urls });
  }

  logs(options: Parameters<StackHandle["logs"]>[0]): ReturnType<StackHandle["logs"]> {
    if (options.resources !== undefined) selectForUp(this.stack, { resources: options.resources });
    return stackLogs(this.#context, options);
  }

  async exec(...call: Parameters<StackHandle["exec"]>): ReturnType<StackHandle["exec"]> {
    return execIn(this.#context, ...call);
  }

  async run(resource: string, options: Parameters<StackHandle["run"]>[1]): Promise<number> {
    this.#refuseMissing();
    const [target] = selectForUp(this.stack, { resources: [resource], noDependencies: true });
    if (target === undefined) throw new Error("unreachable: selection of one resource is empty");
    const needed = target.dependsOn.map(({ name }) => name);
    if (needed.length > 0) await this.#needed(needed, options.signal);
    const observation = await observe(this.#context.settings.engines, this.stack.project, options);
    refuseElsewhere(this.#context, observation, false);
    adoptMembers(this.#context, observation);
    return runOneOff(this.#context, target, options);
  }

  /** Dependencies of a one-off run before it and stay; whoever holds the stack keeps holding it. */
  async #needed(names: readonly string[], signal: AbortSignal): Promise<void> {
    const views = await this.list({ signal });
    const fine = views.filter(({ status }) => status === "ready" || status === "completed");
    const missing = names.filter((name) => fine.every((view) => view.name !== name));
    if (missing.length > 0) await this.start(missing, { signal });
  }

  status(resource: string): ReturnType<StackHandle["status"]> {
    selectForUp(this.stack, { resources: [resource] });
    const { board } = this.#context;
    return { current: board.get(resource), subscribe: (listener) => board.subscribe(resource, listener) };
  }

  async outputs(resource: string): Promise<Outputs> {
    if (this.#context.members.get(resource)?.running === undefined) {
      const { engines } = this.#context.settings;
      adoptMembers(this.#context, await observe(engines, this.stack.project, { signal: neverAborted }));
    }
    return this.#context.outputs(resource, "host");
  }

  recoveryCounts(): RecoveryCounts {
    return this.#context.counters.counts;
  }

  onEvent(listener: Parameters<StackHandle["onEvent"]>[0]): () => void {
    return this.#bus.listen(listener);
  }

  async *events({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<StackEvent> {
    const { isOurs } = this.#tenancy;
    const following = isOurs ? undefined : followForeign(this.#context, this.#tenancy, signal);
    // Its error is thrown to whoever iterates, at the end; until then it must not count as unhandled.
    following?.catch(() => {});
    yield* this.#bus.iterate(signal);
    await following;
  }

  #refuseMissing(): void {
    if (this.#options.missing.length > 0) throw missingError(this.stack.project, this.#options.missing);
  }

  async release(): Promise<void> {
    await this.#endWork();
    await this.#tenancy.letGo();
  }

  async holder({ signal }: { readonly signal: AbortSignal }): ReturnType<StackHandle["holder"]> {
    return this.#tenancy.holder(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervisor.release();
    await this.#tenancy.letGo();
    await this.#context.closeWatchers();
    await this.#options.close();
  }
}
