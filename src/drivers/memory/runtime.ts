import { constants } from "node:os";
import type { Clock } from "../../async/clock.ts";
import type { EngineEvent } from "../../engine/facts.ts";
import { LashError } from "../../model/errors.ts";
import { type MemoryContainer, Run } from "./container.ts";
import type { EventBus } from "./event-bus.ts";
import type { Journal } from "./journal.ts";
import type { HostPorts } from "./ports.ts";
import { type ContainerScript, endsByItself, type ScriptBook } from "./script.ts";

/** What the life of a container needs of its engine. */
export interface World {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly events: EventBus;
  readonly ports: HostPorts;
  readonly scripts: ScriptBook;
  /** The text with which a start is refused whose networks are missing. */
  missingNetwork(container: MemoryContainer): string | undefined;
}

/** Docker's pauses between restarts: doubling from 100 ms, at most a minute. */
const firstBackoffMs = 100;
const lastBackoffMs = 60_000;

/** Moves containers through their states. Every change is an event and a journal entry. */
export class Runtime {
  readonly #world: World;
  #lastPid = 1000;

  constructor(world: World) {
    this.#world = world;
  }

  emit(container: MemoryContainer, action: string, exitCode?: number): void {
    const { clock, events, journal } = this.#world;
    const { id, name } = container;
    const event: EngineEvent = {
      id,
      name,
      labels: container.spec.labels,
      action,
      atMs: clock.now(),
      exitCode,
    };
    journal.write({ type: "change", of: "container", target: name, action, exitCode });
    events.publish(event);
    container.touch();
  }

  async start(container: MemoryContainer, signal: AbortSignal): Promise<void> {
    if (container.run !== undefined) return;
    container.backoff?.abort();
    const script = this.#world.scripts.for(container.spec, container.runs + 1);
    if ((script.startMs ?? 0) > 0) await this.#world.clock.sleep(script.startMs ?? 0, { signal });
    if (container.run !== undefined || !container.present) return;
    container.stopAsked = false;
    this.#begin(container);
  }

  /** Sends one signal; what it does is the script's choice. */
  signal(container: MemoryContainer, name: string): void {
    const run = container.run;
    if (run === undefined) return;
    const code = 128 + signalNumber(name);
    this.emit(container, "kill");
    const script = this.#world.scripts.for(container.spec, run.number);
    if (name === "SIGKILL") {
      this.end(container, run, 137);
      return;
    }
    const stops = name === (container.spec.stopSignal ?? "SIGTERM") || endingSignals.has(name);
    if (!stops || script.ignoreStop === true) return;
    this.#later(run, script.stopMs ?? 0, () => this.end(container, run, script.stopExitCode ?? code));
  }

  async stop(container: MemoryContainer, graceMs: number, signal: AbortSignal): Promise<void> {
    container.stopAsked = true;
    if (container.backoff !== undefined) {
      container.backoff.abort();
      // A container in restart back-off has no process: "stop" comes without "die" (seen on Docker 20.10.24).
      this.emit(container, "stop");
      return;
    }
    const run = container.run;
    if (run === undefined) return;
    this.signal(container, container.spec.stopSignal ?? "SIGTERM");
    await this.#endWithin(container, run, graceMs, signal);
    if (container.run === run) this.signal(container, "SIGKILL");
    this.emit(container, "stop");
  }

  /** The end of a run, by whatever cause. */
  end(container: MemoryContainer, run: Run, exitCode: number, oomKilled = false): void {
    if (container.run !== run) return;
    run.life.abort();
    container.run = undefined;
    container.state = "exited";
    container.exit = { exitCode, oomKilled, error: "" };
    container.finishedAtMs = this.#world.clock.now();
    this.#world.ports.release(container.id);
    for (const exec of container.execs) exec.abort();
    if (oomKilled) this.emit(container, "oom");
    this.emit(container, "die", exitCode);
    this.#restart(container, exitCode);
  }

  /** Ends everything at once and silently: the engine is closed. */
  dispose(container: MemoryContainer): void {
    container.run?.life.abort();
    container.backoff?.abort();
    for (const exec of container.execs) exec.abort();
  }

  /** Turns readiness, and with a health check health, which is an event. */
  setReady(container: MemoryContainer, run: Run, ready: boolean): void {
    run.ready = ready;
    container.touch();
    if (!hasCheck(container)) return;
    const script = this.#world.scripts.for(container.spec, run.number);
    container.health = ready ? "healthy" : "unhealthy";
    container.healthOutput = ready ? "" : (script.healthOutput ?? "");
    this.emit(container, `health_status: ${container.health}`);
  }

  print(container: MemoryContainer, text: string, stream: "stdout" | "stderr"): void {
    container.output.push({ stream, at: new Date(this.#world.clock.now()).toISOString(), text });
    container.touch();
  }

  #begin(container: MemoryContainer): void {
    const { clock, ports, scripts } = this.#world;
    const number = container.runs + 1;
    const script = scripts.for(container.spec, number);
    const published = ports.publish(container.id, container.spec.ports ?? []);
    const refused =
      this.#world.missingNetwork(container) ??
      script.failStart ??
      ("refused" in published ? published.refused : undefined);
    container.runs = number;
    if (refused !== undefined || "refused" in published) {
      ports.release(container.id);
      container.exit = { exitCode: script.failStartCode ?? 127, oomKilled: false, error: refused ?? "" };
      throw new LashError("engine-refused", `Cannot start container "${container.name}": ${refused}`, {
        data: { status: 500 },
      });
    }
    this.#lastPid += 1;
    const run = new Run(number, this.#lastPid, clock.now());
    container.run = run;
    container.ports = published.given;
    container.state = "running";
    container.startedAtMs = run.startedAtMs;
    container.exit = { exitCode: undefined, oomKilled: false, error: "" };
    this.emit(container, "start");
    this.#play(container, run, script);
  }

  #play(container: MemoryContainer, run: Run, script: ContainerScript): void {
    container.health = hasCheck(container) ? "starting" : "none";
    container.healthOutput = "";
    const healthy = (): void => this.setReady(container, run, true);
    const unhealthy = (): void => this.setReady(container, run, false);
    const readyMs = script.readyMs ?? 0;
    const patienceMs = patience(container);
    if (readyMs > patienceMs) this.#later(run, patienceMs, unhealthy);
    this.#later(run, readyMs, healthy);
    if (script.unhealthyAfterMs !== undefined) this.#later(run, script.unhealthyAfterMs, unhealthy);
    this.#write(container, run, script);
    if (endsByItself(script)) {
      const code = script.exitCode ?? (script.oom === true ? 137 : 0);
      this.#later(run, script.exitAfterMs ?? 0, () => this.end(container, run, code, script.oom === true));
    }
  }

  #write(container: MemoryContainer, run: Run, script: ContainerScript): void {
    const context = { spec: container.spec, run: run.number, files: container.files };
    const lines = typeof script.output === "function" ? script.output(context) : (script.output ?? []);
    let atMs = 0;
    for (const each of lines) {
      const line = typeof each === "string" ? { text: each } : each;
      atMs = Math.max(atMs, line.afterMs ?? 0);
      this.#later(run, atMs, () => this.print(container, line.text, line.stream ?? "stdout"));
    }
  }

  #restart(container: MemoryContainer, exitCode: number): void {
    const policy = container.spec.restart;
    if (policy === undefined || policy.name === "no" || container.stopAsked || !container.present) return;
    if (policy.name === "on-failure") {
      const most = policy.maximumRetryCount ?? 0;
      if (exitCode === 0 || (most > 0 && container.restartCount >= most)) return;
    }
    const backoff = new AbortController();
    const waitMs = Math.min(firstBackoffMs * 2 ** container.restartCount, lastBackoffMs);
    container.backoff = backoff;
    container.state = "restarting";
    container.restartCount += 1;
    backoff.signal.addEventListener("abort", () => {
      container.backoff = undefined;
      container.state = "exited";
      container.touch();
    });
    container.touch();
    this.#schedule(waitMs, backoff.signal, () => {
      container.backoff = undefined;
      try {
        this.#begin(container);
      } catch {
        // Refused again: the facts carry the engine's text, as after any refused start.
        container.state = "exited";
        container.touch();
      }
    });
  }

  async #endWithin(
    container: MemoryContainer,
    run: Run,
    graceMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (container.run !== run) return;
    const timer = new AbortController();
    const onAbort = (): void => timer.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    run.life.signal.addEventListener("abort", () => timer.abort(), { once: true });
    try {
      await this.#world.clock.sleep(graceMs, { signal: timer.signal });
    } catch {
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #later(run: Run, ms: number, act: () => void): void {
    if (ms <= 0) act();
    else if (Number.isFinite(ms)) this.#schedule(ms, run.life.signal, act);
  }

  #schedule(ms: number, signal: AbortSignal, act: () => void): void {
    this.#world.clock.sleep(ms, { signal }).then(act, () => undefined);
  }
}

/** Signals whose default action ends a process, beside the stop signal itself. */
const endingSignals: ReadonlySet<string> = new Set(["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGABRT"]);

function hasCheck(container: MemoryContainer): boolean {
  const check = container.spec.healthcheck;
  return check !== undefined && check.test[0] !== "NONE";
}

/** Time after which a check that never passed makes a container unhealthy. */
function patience(container: MemoryContainer): number {
  const check = container.spec.healthcheck;
  if (check === undefined || !hasCheck(container)) return Number.POSITIVE_INFINITY;
  return check.startPeriodMs + check.retries * check.intervalMs;
}

function signalNumber(name: string): number {
  const found = Object.entries(constants.signals).find(([known]) => known === name);
  if (found === undefined) {
    throw new LashError("engine-refused", `Cannot send a signal: invalid signal "${name}"`, {
      data: { status: 400 },
    });
  }
  return found[1];
}
