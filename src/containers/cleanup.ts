import type { Clock } from "../async/clock.ts";
import { Semaphore } from "../async/semaphore.ts";
import { linkSignals, untilAborted } from "../async/signals.ts";
import { isLashError, LashError, messageOf } from "../model/errors.ts";
import { type Calls, call } from "./calls.ts";
import { afterRefusal, dueAt } from "./cleanup-decision.ts";
import { graceOf, isOwn } from "./labels.ts";
import type { Entry } from "./record.ts";
import type { Registry } from "./registry.ts";

/** What the clean-up did with one container. */
export interface CleanupRecord {
  readonly containerId: string;
  readonly name: string;
  readonly outcome: "removed" | "refused" | "interrupted";
  readonly attempts: number;
  readonly error: string | undefined;
}

export interface CleanupOptions {
  readonly calls: Calls;
  readonly registry: Registry;
  readonly server: string;
  readonly clock: Clock;
  /** Whether the engine is there and everything was listed since. */
  readonly isOpen: () => boolean;
  /** The engine did not answer. */
  readonly suspect: () => void;
  readonly onRecord: (record: CleanupRecord) => void;
  /** Between the recovery and the first removal: whoever lost a connection may come back first. */
  readonly restMs: number;
}

const atOnce = 5;

/**
 * Removes containers that nobody has used for their time. Rests while the engine is away, and an attempt that failed
 * for that reason is none.
 */
export class Cleanup implements AsyncDisposable {
  readonly #options: CleanupOptions;
  readonly #life = new AbortController();
  readonly #permits = new Semaphore(atOnce);
  readonly #running: Promise<void>;
  #notBeforeMs = 0;
  #wake = (): void => {};

  constructor(options: CleanupOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** The engine is there and what it has is known. */
  reopen(): void {
    this.#notBeforeMs = this.#options.clock.now() + this.#options.restMs;
    this.#wake();
  }

  /** Something may be due sooner. */
  look(): void {
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new LashError("cancelled", "Cannot clean up any longer: the server ends"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, isOpen } = this.#options;
    while (!this.#life.signal.aborted) {
      const waitMs = isOpen() ? this.#waitMs(clock.now()) : undefined;
      if (waitMs === undefined || waitMs > 0) await this.#pause(waitMs);
      else await this.#sweep();
    }
  }

  #waitMs(nowMs: number): number | undefined {
    const due = this.#options.registry.entries().flatMap((entry) => dueAt(entry) ?? []);
    if (due.length === 0) return undefined;
    const first = due.reduce((least, each) => Math.min(least, each));
    return Math.max(0, first - nowMs, this.#notBeforeMs - nowMs);
  }

  async #pause(ms: number | undefined): Promise<void> {
    using pause = linkSignals(this.#life.signal);
    this.#wake = () => pause.abort(new LashError("cancelled", "Cannot wait longer: something has changed"));
    // A timer holds 24 days; whoever looks sooner than necessary only looks.
    if (ms === undefined) await untilAborted(pause.signal);
    else await this.#options.clock.sleep(Math.min(ms, 3_600_000), { signal: pause.signal }).catch(() => {});
    this.#wake = () => {};
  }

  async #sweep(): Promise<void> {
    const { registry, clock } = this.#options;
    const nowMs = clock.now();
    const due = registry.entries().filter((entry) => (dueAt(entry) ?? Number.POSITIVE_INFINITY) <= nowMs);
    await Promise.all(
      due.map(async (entry) => {
        using _permit = await this.#permits.acquire(this.#life.signal);
        await this.#remove(entry);
      }),
    ).catch((error: unknown) => {
      if (!this.#life.signal.aborted) throw error;
    });
  }

  async #remove({ facts: { id, name } }: Entry): Promise<void> {
    const { registry, clock, isOpen } = this.#options;
    // Somebody may have begun to use it, or the engine may have gone, while it waited for its turn.
    const entry = registry.get(id);
    const due = entry === undefined ? undefined : dueAt(entry);
    if (entry === undefined || due === undefined || due > clock.now() || !isOpen()) return;
    const { attempts } = entry.cleanup;
    registry.setCleanup(id, { tag: "running", attempts });
    try {
      await this.#stopAndRemove(entry);
      registry.drop(id);
      this.#tell({ containerId: id, name, outcome: "removed", attempts: attempts + 1, error: undefined });
    } catch (error) {
      const isAway = isUnreachable(error) || this.#life.signal.aborted;
      const next = isAway ? entry.cleanup : afterRefusal(entry.cleanup, clock.now());
      registry.setCleanup(id, next);
      if (isAway) await this.#giveWay();
      const outcome = isAway ? "interrupted" : "refused";
      this.#tell({ containerId: id, name, outcome, attempts: next.attempts, error: messageOf(error) });
    }
  }

  async #stopAndRemove({ facts }: Entry): Promise<void> {
    const { calls, server } = this.#options;
    const { signal } = this.#life;
    const doing = `remove container "${facts.name}"`;
    const graceMs = graceOf(facts);
    await call(calls, { signal, doing, moreMs: graceMs }, async (engine, within) => {
      // By id, and what it is now: never anything but our own.
      const now = await engine.inspect(facts.id, { signal: within });
      if (now === undefined || !isOwn(now, server)) return;
      if (now.state === "running") await engine.stop(facts.id, { graceMs, signal: within });
      await engine.remove(facts.id, { signal: within });
    });
  }

  /** Until the monitor has noticed that the engine is away. */
  async #giveWay(): Promise<void> {
    this.#options.suspect();
    await this.#options.clock.sleep(1000, { signal: this.#life.signal }).catch(() => {});
  }

  #tell(record: CleanupRecord): void {
    this.#options.onRecord(record);
  }
}

/** Whether a call failed because the engine could not be asked. */
export function isUnreachable(error: unknown): boolean {
  return (
    isLashError(error, "engine-unreachable") ||
    isLashError(error, "engine-permission") ||
    isLashError(error, "timed-out")
  );
}
