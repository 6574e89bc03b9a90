import type { Clock } from "../async/clock.ts";
import { LashError } from "../model/errors.ts";
import type { LogRecord } from "./log.ts";
import { startMonitor } from "./monitor.ts";
import type { DependencyStatus, RetryPolicy, Target } from "./status.ts";
import type { Monitor, MonitorOptions } from "./types.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time that passes only when a test says so; what is due on the way happens in order, at its own moment. */
export class StepClock implements Clock {
  #passedMs = 0;
  #epochMs = Date.UTC(2030, 0, 1);
  #sleepers: Sleeper[] = [];
  /** Sleeps ever begun. */
  begun = 0;

  now(): number {
    return this.#epochMs + this.#passedMs;
  }

  /** Sleeps under way. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  async sleep(ms: number, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted();
    this.begun += 1;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper: Sleeper = { atMs: this.#passedMs + ms, wake: resolve };
    const onAbort = (): void => {
      this.#drop(sleeper);
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#sleepers.push(sleeper);
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.#passedMs + ms;
    await settle();
    for (let next = this.#earliest(endMs); next !== undefined; next = this.#earliest(endMs)) {
      this.#passedMs = next.atMs;
      this.#drop(next);
      next.wake();
      await settle();
    }
    this.#passedMs = endMs;
  }

  /** Somebody sets the clock; what sleeps does not notice. */
  jump(ms: number): void {
    this.#epochMs += ms;
  }

  #earliest(endMs: number): Sleeper | undefined {
    const due = this.#sleepers.filter(({ atMs }) => atMs <= endMs);
    return due.reduce<Sleeper | undefined>(
      (first, each) => (first === undefined || each.atMs < first.atMs ? each : first),
      undefined,
    );
  }

  #drop(sleeper: Sleeper): void {
    this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
  }
}

/** Resolves once every promise that can settle without time passing has been followed to its end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A dependency whose answers a test decides, and that tells how often it was asked, and by how many at once. */
export class ScriptedDependency {
  /** "hung": accepts and never answers. A number: answers after so many ms. */
  answer: "ok" | "refused" | "hung" | "deaf" | number = "ok";
  readonly startedAt: number[] = [];
  mostAtOnce = 0;
  #now = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get probes(): number {
    return this.startedAt.length;
  }

  probe = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
    this.startedAt.push(this.#clock.now());
    this.#now += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#now);
    try {
      await this.#reply(signal);
    } finally {
      this.#now -= 1;
    }
  };

  async #reply(signal: AbortSignal): Promise<void> {
    switch (this.answer) {
      case "ok":
        return;
      case "refused":
        throw new LashError("engine-unreachable", "Cannot probe: the connection was refused", {
          data: { code: "ECONNREFUSED" },
        });
      case "hung":
        return await this.#clock.sleep(1e9, { signal });
      case "deaf":
        return await new Promise(() => {});
      default:
        return await this.#clock.sleep(this.answer, { signal });
    }
  }
}

export const target: Target = {
  dependency: "docker-runner",
  baseUrl: "http://user:hunter2@runner:7071",
  optional: true,
};

export const retry: RetryPolicy = { baseDelayMs: 500, maxDelayMs: 30_000, jitterMs: 250, maxRetries: 0 };

/** A monitor of a scripted dependency, under a clock that stands still. */
export interface Bench extends AsyncDisposable {
  readonly clock: StepClock;
  readonly dependency: ScriptedDependency;
  readonly monitor: Monitor;
  readonly records: LogRecord[];
  readonly faults: unknown[];
  readonly statuses: DependencyStatus[];
}

/** No jitter unless `random` says so. */
export function openBench(
  answer: ScriptedDependency["answer"],
  changes: Partial<MonitorOptions> = {},
): Bench {
  const clock = new StepClock();
  const dependency = new ScriptedDependency(clock);
  dependency.answer = answer;
  const records: LogRecord[] = [];
  const faults: unknown[] = [];
  const monitor = startMonitor({
    target,
    probe: dependency.probe,
    retry,
    probeIntervalMs: 30_000,
    clock,
    random: () => 0,
    onRecord: (record) => records.push(record),
    onFault: (error) => faults.push(error),
    ...changes,
  });
  const statuses: DependencyStatus[] = [];
  monitor.subscribe((next) => statuses.push(next));
  return {
    clock,
    dependency,
    monitor,
    records,
    faults,
    statuses,
    [Symbol.asyncDispose]: async () => await monitor[Symbol.asyncDispose](),
  };
}

/** A signal that never aborts. */
export const never = new AbortController().signal;
