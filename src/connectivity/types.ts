import type { Clock } from "../async/clock.ts";
import type { Probe } from "./attempt.ts";
import type { Counters } from "./counters.ts";
import type { HeartbeatOptions } from "./heartbeat.ts";
import type { LogRecord } from "./log.ts";
import type { RecoveryStep } from "./recovery.ts";
import type { DependencyStatus, RetryPolicy, Target } from "./status.ts";

/** What a monitor needs. */
export interface MonitorOptions {
  readonly target: Target;
  readonly probe: Probe;
  readonly retry: RetryPolicy;
  /** Pause between two probes while up. */
  readonly probeIntervalMs: number;
  /** Path of the local socket, if it is one: its return is noticed at once. */
  readonly socketPath?: string | undefined;
  /** 3 s if not given. */
  readonly probeDeadlineMs?: number | undefined;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onRecord: (record: LogRecord) => void;
  /** Told of what a listener, a recovery step or `onRecord` throws; the monitor goes on. */
  readonly onFault: (error: unknown) => void;
}

/** Called with every status that replaces another, also where only a count or a time changed. */
export type StatusListener = (next: DependencyStatus, previous: DependencyStatus) => void;

/**
 * Watches one soft dependency and owns its status. One loop, one probe at a time, for as long as it lives; it never
 * throws and nothing needs to wait for it. Disposal aborts a probe under way and awaits the loop.
 */
export interface Monitor extends AsyncDisposable {
  readonly status: DependencyStatus;
  /** Up, and every recovery step has reconciled since: background work may run. */
  readonly isOpen: boolean;
  readonly counters: Counters;
  /** Returns the function that ends it. */
  subscribe(listener: StatusListener): () => void;
  /** Adds a part that lists and reconciles, and then reopens, each time the dependency comes up, the first included. */
  onRecovery(step: RecoveryStep): () => void;
  /** The status once something is known. */
  firstCheck(options: { readonly signal: AbortSignal }): Promise<DependencyStatus>;
  /** A real call failed by network: one probe follows, however many calls failed. */
  suspect(): void;
  /**
   * A request needs the dependency: the status, at once when up; otherwise a probe is asked for, at most one a second,
   * and waited for up to 250 ms.
   */
  demand(options: { readonly signal: AbortSignal }): Promise<DependencyStatus>;
  /** Begins anew with short pauses, also after retrying has stopped, and probes. */
  rearm(): void;
  /**
   * Passes a stream of events on to whoever iterates the result; its first value while not up re-arms, its end, error or
   * silence makes suspect.
   */
  heartbeat<T>(stream: AsyncIterable<T>, options: HeartbeatOptions): AsyncGenerator<T>;
}
