import { backoffMs } from "../async/backoff.ts";
import { deadlineSignal } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { isLashError } from "../model/errors.ts";
import type { Failure } from "../recovery/failure.ts";
import { type Member, type StackContext, unmarked } from "./context.ts";
import { exitFailure, readinessFailure, readTail, refusedFailure } from "./failures.ts";
import { awaitReady } from "./readiness.ts";
import { crashLoopEnds, decideRestart, noRestarts, type RestartHistory } from "./restart-decision.ts";
import { look, type Sight, until } from "./sight.ts";

/** Who hears how the watch of a resource ended, if not by release. */
export interface EndListener {
  /** It failed for good. */
  failed(failure: Failure): void;
  /** It ended well, or was stopped by somebody, and will not be started again. */
  stopped(): void;
}

/** Pauses between attempts to restart something while its engine cannot be reached; the watcher's own. */
const unreachablePause = { firstMs: 100, maximumMs: 5000 };

interface Watch {
  readonly life: AbortController;
  readonly done: Promise<void>;
}

/**
 * Watches what is ready: shows ends and health, applies restart policies. One task per resource, each ended and awaited
 * by `release`. Decides from what the engine has, never from an event alone.
 */
export class Supervisor {
  readonly #context: StackContext;
  readonly #watches = new Map<string, Watch>();
  /** While an `up` is under way, the failure of a resource is the failure of that `up`. */
  #starting = true;

  constructor(context: StackContext) {
    this.#context = context;
  }

  /** From now on an end is a matter of the restart policy alone. */
  settleStart(): void {
    this.#starting = false;
  }

  /** Takes over a resource that is ready. */
  watch(name: string, listener: EndListener): void {
    const member = this.#context.members.get(name);
    if (member?.running === undefined || this.#context.board.get(name).tag === "completed") return;
    // One watch at a time: two would tell everything twice, and restart twice.
    const former = this.#watches.get(name);
    former?.life.abort(new Error("watched anew"));
    const life = new AbortController();
    const following = this.#follow(member, life.signal, listener).catch((error: unknown) => {
      if (life.signal.aborted) return;
      listener.failed(refusedFailure(name, "run", error, this.#context.mask));
    });
    const done = Promise.all([former?.done, following]).then(() => {});
    this.#watches.set(name, { life, done });
  }

  /** Stops watching these (default all) and waits until nothing of that still runs. */
  async release(names: readonly string[] = [...this.#watches.keys()]): Promise<void> {
    const watches = names.flatMap((name) => this.#watches.get(name) ?? []);
    for (const name of names) this.#watches.delete(name);
    for (const { life } of watches) life.abort(new Error("released"));
    await Promise.all(watches.map(({ done }) => done));
  }

  async #follow(member: Member, signal: AbortSignal, listener: EndListener): Promise<void> {
    const { running, resolved } = member;
    if (running === undefined) return;
    const { name } = resolved;
    const { board } = this.#context;
    let sight: Sight = running;
    if (board.get(name).tag === "running") await this.#settle(member, sight, signal);
    let history: RestartHistory = noRestarts;
    let lastEnded: ContainerFacts | undefined;
    for (;;) {
      const { facts } = sight;
      const next = await this.#nextChange(sight, running.engine, signal);
      const seen = next?.facts;
      if (next !== undefined && isUp(next.facts) && next.facts.restartCount === facts.restartCount) {
        this.#tellHealth(name, facts, next.facts);
        sight = next;
        continue;
      }
      const end = await this.#tellEnd(member, facts, seen, signal);
      if (seen === undefined) {
        listener.failed(end);
        return;
      }
      // A restart that was refused leaves the times of the run before it.
      const upMs =
        lastEnded !== undefined && lastEnded.startedAt === seen.startedAt ? 0 : uptime(seen, facts);
      lastEnded = seen;
      const decision = decideRestart(resolved.restart, history, {
        exitCode: seen.exitCode,
        upMs,
        nowMs: this.#context.settings.clock.now(),
      });
      if (decision.action === "leave" && seen.exitCode === 0) {
        if (this.#starting) {
          listener.failed(end);
          return;
        }
        this.#tellStopped(name, listener);
        return;
      }
      if (decision.action !== "restart") {
        listener.failed(
          decision.action === "give-up"
            ? { ...end, code: "crash-loop", message: `${end.message}; ${decision.because}` }
            : end,
        );
        return;
      }
      history = decision.history;
      if (history.quickEnds >= crashLoopEnds && (history.quickEnds === crashLoopEnds || this.#starting)) {
        const loop: Failure = {
          ...end,
          code: "crash-loop",
          message: `"${name}": crash loop, it ended ${history.quickEnds} times in a row soon after its start; ${end.message}`,
          cause: end,
        };
        if (this.#starting) {
          listener.failed(loop);
          return;
        }
        this.#context.bus.emit({ type: "failure_detected", name, failure: loop });
      }
      const again = await this.#restart(member, seen, decision, signal);
      if (again === undefined) {
        this.#tellStopped(name, listener);
        return;
      }
      sight = again;
    }
  }

  /** Resolves when the container is gone, ended, was restarted, or changed its health. */
  async #nextChange(sight: Sight, engine: Engine, signal: AbortSignal): Promise<Sight | undefined> {
    const { facts } = sight;
    return until(
      this.#context.watcher(engine),
      facts.id,
      (now) =>
        now === undefined ||
        !isUp(now) ||
        now.restartCount !== facts.restartCount ||
        now.startedAt !== facts.startedAt ||
        now.health !== facts.health,
      { signal, clock: this.#context.settings.clock, seen: sight },
    );
  }

  #tellStopped(name: string, listener: EndListener): void {
    this.#context.board.set(name, { tag: "stopped" });
    this.#context.bus.emit({ type: "resource_stopped", name });
    listener.stopped();
  }

  #tellHealth(name: string, before: ContainerFacts, now: ContainerFacts): void {
    const { board, bus, mask } = this.#context;
    if (before.health === now.health) return;
    if (now.health === "unhealthy") {
      const output = mask(now.healthOutput);
      board.set(name, { tag: "unhealthy", id: now.id, output });
      bus.emit({ type: "resource_unhealthy", name, output });
    } else if (now.health === "healthy" && board.get(name).tag === "unhealthy") {
      board.set(name, { tag: "ready", id: now.id });
      bus.emit({ type: "resource_ready", name, container_id: now.id, url: this.#context.shownUrl(name) });
    }
  }

  async #tellEnd(
    { resolved, running }: Member,
    before: ContainerFacts,
    now: ContainerFacts | undefined,
    signal: AbortSignal,
  ): Promise<Failure> {
    const { bus, mask } = this.#context;
    const tail =
      running === undefined || now === undefined
        ? []
        : await readTail({ engine: running.engine, id: before.id, mask, signal });
    bus.emit({
      type: "resource_exited",
      name: resolved.name,
      exit_code: now?.exitCode,
      oom_killed: now?.oomKilled ?? false,
      log_tail: tail,
    });
    return exitFailure(resolved.name, now, { logTail: tail, mask });
  }

  /** Starts it again, or waits for the engine to, and waits until it is ready. Undefined: it was stopped on purpose. */
  async #restart(
    member: Member,
    seen: ContainerFacts,
    { attempt, delayMs }: { readonly attempt: number; readonly delayMs: number },
    signal: AbortSignal,
  ): Promise<Sight | undefined> {
    const engine = member.running?.engine;
    if (engine === undefined) return undefined;
    const { name } = member.resolved;
    const { board, bus, settings } = this.#context;
    board.set(name, { tag: "restarting", attempt, delayMs });
    bus.emit({ type: "resource_restarting", name, attempt, delay_ms: delayMs });
    if (!enginePolicy(member)) {
      await settings.clock.sleep(delayMs, { signal });
      await this.#start(engine, seen.id, signal);
    }
    const sight = await this.#untilUpAgain(member, seen, signal);
    if (sight === "stopped") return undefined;
    if (sight === undefined || !isUp(sight.facts)) return sight ?? { facts: seen, mark: unmarked };
    await this.#settle(member, sight, signal);
    return sight;
  }

  /** What is refused shows in the facts. An engine that is away is waited for: the restart is still due then. */
  async #start(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await engine.start(id, { signal });
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (isLashError(error, "engine-refused")) return;
        if (!isLashError(error, "engine-unreachable")) throw error;
        await this.#context.settings.clock.sleep(backoffMs(attempt, unreachablePause), { signal });
      }
    }
  }

  /** Waits until something that runs is ready, and says so, or that it is not. */
  async #settle(member: Member, sight: Sight, signal: AbortSignal): Promise<void> {
    const { board, bus, mask, members, settings } = this.#context;
    const engine = member.running?.engine;
    if (engine === undefined) return;
    const { name } = member.resolved;
    const { facts, mark } = sight;
    members.set(name, { ...member, running: { engine, facts, mark } });
    board.set(name, { tag: "running", id: facts.id });
    const readiness = await awaitReady({
      engine,
      facts,
      mark,
      signal,
      watcher: this.#context.watcher(engine),
      resolved: member.resolved,
      clock: settings.clock,
      networkId: this.#context.networkId,
      execPermits: this.#context.execPermits(engine),
    });
    if (readiness.type === "ready") {
      board.set(name, { tag: "ready", id: facts.id });
      bus.emit({ type: "resource_ready", name, container_id: facts.id, url: this.#context.shownUrl(name) });
    } else if (readiness.type === "timed-out") {
      const failure = await readinessFailure(name, readiness, {
        engine,
        id: facts.id,
        mask,
        signal,
        existingData: true,
      });
      board.set(name, { tag: "unhealthy", id: facts.id, output: failure.evidence });
      bus.emit({ type: "resource_unhealthy", name, output: failure.evidence });
    }
  }

  async #untilUpAgain(
    member: Member,
    seen: ContainerFacts,
    signal: AbortSignal,
  ): Promise<Sight | undefined | "stopped"> {
    if (member.running === undefined) return undefined;
    const watcher = this.#context.watcher(member.running.engine);
    const { clock } = this.#context.settings;
    if (!enginePolicy(member)) return look(watcher, seen.id, signal);
    const stopped = new Error("stopped on purpose");
    using grace = deadlineSignal(signal, engineRestartGraceMs, () => stopped);
    const patience = seen.state === "exited" ? grace.signal : signal;
    try {
      const options = { clock, signal: patience };
      return await until(watcher, seen.id, (now) => now === undefined || isUp(now), options);
    } catch (error) {
      signal.throwIfAborted();
      if (error === stopped) return "stopped";
      throw error;
    }
  }
}

/**
 * An engine that is going to restart a container says "restarting" (moby), or starts it within moments (Podman, which
 * says "exited" in between). One that stays "exited" under such a policy was stopped on purpose.
 */
const engineRestartGraceMs = 3000;

function isUp(facts: ContainerFacts): boolean {
  return facts.state === "running" || facts.state === "paused";
}

/** `always` and `unless-stopped` are restarted by a container engine itself; a process has nobody but us. */
function enginePolicy({ resolved, resource }: Member): boolean {
  const { mode } = resolved.restart;
  return resource.kind !== "process" && (mode === "always" || mode === "unless-stopped");
}

function uptime(end: ContainerFacts, start: ContainerFacts): number {
  const from = Date.parse(start.startedAt ?? "");
  const to = Date.parse(end.finishedAt ?? "");
  return Number.isNaN(from) || Number.isNaN(to) ? 0 : Math.max(0, to - from);
}
