import { linkSignals, untilAborted } from "../async/signals.ts";
import { LashError } from "../model/errors.ts";
import { type Agenda, ask, type Cause, dueInMs, ended, firstAgenda, isAhead, started } from "./agenda.ts";
import { type Attempt, attempt } from "./attempt.ts";
import { type Counters, countProbe, noCounters } from "./counters.ts";
import { retryDelayMs } from "./delay.ts";
import { type HeartbeatOptions, listenTo } from "./heartbeat.ts";
import { logRecord } from "./log.ts";
import { Recovery, type RecoveryStep } from "./recovery.ts";
import { type SocketWatch, watchSocket } from "./socket-watch.ts";
import { type DependencyStatus, initialStatus, reduceStatus, type StatusEvent } from "./status.ts";
import type { Monitor, MonitorOptions, StatusListener } from "./types.ts";

/** Of a probe. A healthy runner answers in milliseconds; a hung one must not look up for longer than this. */
const probeDeadlineMs = 3000;

/** Longest a request waits for a probe: people do not notice it, and a runner that is back answers sooner. */
const demandWaitMs = 250;

/** Starts watching; the first probe begins after the caller's turn. */
export function startMonitor(options: MonitorOptions): Monitor {
  return new MonitorLoop(options);
}

/** Acts on what agenda and status decide, and decides nothing. */
class MonitorLoop implements Monitor {
  readonly #options: MonitorOptions;
  readonly #life = new AbortController();
  readonly #recovery: Recovery;
  readonly #socket: SocketWatch | undefined;
  readonly #running: Promise<void>;
  readonly #listeners = new Set<StatusListener>();
  /** Those who wait for the end of the next probe. */
  readonly #waiting = new Set<() => void>();
  #status: DependencyStatus;
  #counters: Counters = noCounters;
  #agenda: Agenda;
  /** While a probe is under way: what it cannot have seen, since it began before. */
  #missed: Set<Cause> | undefined;
  #wake = (): void => {};

  constructor(options: MonitorOptions) {
    const { clock, random, retry, socketPath } = options;
    this.#options = options;
    this.#status = initialStatus(options.target);
    this.#agenda = firstAgenda(clock.now());
    this.#recovery = new Recovery({
      clock,
      delayMs: (failure) => retryDelayMs(failure, { ...retry, random: random() }),
      onFault: (error) => this.#fault(error),
      onFailed: () => this.suspect(),
    });
    this.#socket =
      socketPath === undefined
        ? undefined
        : watchSocket(socketPath, (isThere) => this.#socketChanged(isThere));
    // Nothing in it is known to throw; if something does, it must not end the process.
    this.#running = this.#run().catch((error: unknown) => this.#fault(error));
  }

  get status(): DependencyStatus {
    return this.#status;
  }

  get isOpen(): boolean {
    return this.#recovery.isOpen;
  }

  get counters(): Counters {
    return this.#counters;
  }

  subscribe(listener: StatusListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onRecovery(step: RecoveryStep): () => void {
    return this.#recovery.add(step);
  }

  async firstCheck({ signal }: { readonly signal: AbortSignal }): Promise<DependencyStatus> {
    if (this.#status.status === "unknown") await this.#probeEnd(signal, undefined);
    return this.#status;
  }

  suspect(): void {
    // While it is down, one more failing call tells nothing new.
    if (this.#status.status === "up" || this.#missed !== undefined) this.#ask("suspect");
  }

  async demand({ signal }: { readonly signal: AbortSignal }): Promise<DependencyStatus> {
    signal.throwIfAborted();
    if (this.#status.status === "up" || this.#life.signal.aborted) return this.#status;
    if (this.#status.exhausted) this.#rearm();
    this.#ask("demand");
    const waitMs = this.#missed === undefined ? dueInMs(this.#agenda, this.#options.clock.now()) : 0;
    if (waitMs !== undefined && waitMs < demandWaitMs) await this.#probeEnd(signal, demandWaitMs);
    return this.#status;
  }

  rearm(): void {
    this.#rearm();
    this.#ask("rearm");
  }

  heartbeat<T>(stream: AsyncIterable<T>, options: HeartbeatOptions): AsyncGenerator<T> {
    const alive = (): void => {
      if (this.#status.status !== "up") this.rearm();
    };
    const pulse = { alive, lost: () => this.suspect() };
    return listenTo(stream, { ...options, clock: this.#options.clock, pulse });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new LashError("cancelled", "Cannot go on probing: the monitor was closed"));
    this.#socket?.[Symbol.dispose]();
    await Promise.all([this.#running, this.#recovery[Symbol.asyncDispose]()]);
  }

  async #run(): Promise<void> {
    // Whoever starts the monitor goes on first.
    await Promise.resolve();
    while (!this.#life.signal.aborted) {
      const waitMs = dueInMs(this.#agenda, this.#options.clock.now());
      if (waitMs === 0 || (await this.#pause(waitMs))) await this.#probe();
    }
  }

  /** Whether the time has passed; false when something was asked for meanwhile. */
  async #pause(ms: number | undefined): Promise<boolean> {
    using pause = linkSignals(this.#life.signal);
    this.#wake = () => pause.abort(new LashError("cancelled", "Cannot wait longer: a probe was asked for"));
    if (ms === undefined) await untilAborted(pause.signal);
    else await this.#options.clock.sleep(ms, { signal: pause.signal }).catch(() => {});
    this.#wake = () => {};
    return !pause.signal.aborted;
  }

  async #probe(): Promise<void> {
    const { clock, probe, probeIntervalMs } = this.#options;
    const ahead = isAhead(this.#agenda);
    this.#agenda = started(this.#agenda, clock.now());
    const missed = new Set<Cause>();
    this.#missed = missed;
    const result = await attempt(probe, {
      signal: this.#life.signal,
      clock,
      deadlineMs: this.#options.probeDeadlineMs ?? probeDeadlineMs,
    });
    this.#missed = undefined;
    if (result === undefined) return;
    const previous = this.#status;
    const next = this.#apply(this.#eventOf(result, ahead));
    this.#agenda = ended(this.#agenda, next, { nowMs: clock.now(), probeIntervalMs });
    // What a good probe leaves in doubt is a later failure; what a bad one does is everything that speaks for a return.
    for (const cause of missed) if ((cause === "suspect") === (next.status === "up")) this.#ask(cause);
    this.#tell(previous, next);
  }

  #eventOf({ durationMs, failure }: Attempt, ahead: boolean): StatusEvent {
    const { clock, random } = this.#options;
    const atMs = clock.now();
    if (failure === undefined) return { type: "probe-succeeded", atMs, durationMs };
    return { type: "probe-failed", atMs, durationMs, failure, random: random(), ahead };
  }

  /** The one place where the status changes. */
  #apply(event: StatusEvent): DependencyStatus {
    this.#status = reduceStatus(this.#status, event, this.#options);
    return this.#status;
  }

  /** Everybody else, once status and agenda agree. */
  #tell(previous: DependencyStatus, next: DependencyStatus): void {
    this.#counters = countProbe(this.#counters, { previous, next });
    const record = logRecord(previous, next);
    if (record !== undefined) this.#safely(() => this.#options.onRecord(record));
    if (next.status !== "up") {
      this.#recovery.end();
      this.#socket?.refresh();
    } else if (previous.status !== "up") {
      this.#recovery.begin();
    }
    this.#notify(previous, next);
    for (const wake of [...this.#waiting]) wake();
  }

  #notify(previous: DependencyStatus, next: DependencyStatus): void {
    for (const listener of [...this.#listeners]) this.#safely(() => listener(next, previous));
  }

  #rearm(): void {
    if (this.#life.signal.aborted) return;
    const previous = this.#status;
    const next = this.#apply({ type: "re-armed", atMs: this.#options.clock.now() });
    if (next !== previous) this.#notify(previous, next);
  }

  #socketChanged(isThere: boolean): void {
    if (this.#status.status === "up") {
      this.suspect();
    } else if (isThere) {
      // Made by a server that has just begun: it may need some more tries until it answers, and short pauses.
      this.#rearm();
      this.#ask("socket");
    }
  }

  /** Asks for a probe. One under way serves everybody, unless its result may be older than what they came for. */
  #ask(cause: Cause): void {
    if (this.#missed !== undefined) {
      this.#missed.add(cause);
      return;
    }
    const agenda = ask(this.#agenda, cause, { nowMs: this.#options.clock.now() });
    if (agenda === this.#agenda) return;
    this.#agenda = agenda;
    this.#wake();
  }

  /** Resolves with the end of a probe, after `ms`, or when the monitor is closed. */
  async #probeEnd(signal: AbortSignal, ms: number | undefined): Promise<void> {
    signal.throwIfAborted();
    using wait = linkSignals(signal, this.#life.signal);
    const wake = (): void =>
      wait.abort(new LashError("cancelled", "Cannot wait longer: the probe has ended"));
    this.#waiting.add(wake);
    if (ms === undefined) await untilAborted(wait.signal);
    else await this.#options.clock.sleep(ms, { signal: wait.signal }).catch(() => {});
    this.#waiting.delete(wake);
    signal.throwIfAborted();
  }

  #safely(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fault(error);
    }
  }

  #fault(error: unknown): void {
    try {
      this.#options.onFault(error);
    } catch {
      // Whoever is told of faults is itself at fault: there is nobody left to tell.
    }
  }
}
