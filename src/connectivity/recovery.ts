import type { Clock } from "../async/clock.ts";
import { abortable } from "../async/signals.ts";
import { LashError } from "../model/errors.ts";

/**
 * What one part of the server does when its dependency is up, at start or again. Both may be called many times; what
 * happened meanwhile is not known, so everything is listed and reconciled first.
 */
export interface RecoveryStep {
  /** Lists and reconciles. Ends soon after its signal aborts; when it rejects, it is tried again later. */
  reconcile(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Takes up background work: clean-up, job dispatch. Called once every part has reconciled. */
  reopen(): void;
}

interface RecoveryOptions {
  readonly clock: Clock;
  /** Pause after the n-th failed round, from 1. */
  readonly delayMs: (failure: number) => number;
  /** Told of what a step throws. Must not throw. */
  readonly onFault: (error: unknown) => void;
  /** A step could not reconcile: the dependency may be gone again. */
  readonly onFailed: () => void;
}

/** First reconcile, then reopen: one round at a time, given up when the dependency goes away. */
export class Recovery implements AsyncDisposable {
  readonly #options: RecoveryOptions;
  readonly #steps = new Map<RecoveryStep, "pending" | "reconciled" | "open">();
  #up: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Whether the dependency is up and every step has reconciled and reopened since. */
  get isOpen(): boolean {
    return this.#up !== undefined && [...this.#steps.values()].every((state) => state === "open");
  }

  /** Adds a step, which runs at once if the dependency is up. Returns the function that takes it away. */
  add(step: RecoveryStep): () => void {
    this.#steps.set(step, "pending");
    if (this.#up !== undefined) this.#start(this.#up.signal);
    return () => void this.#steps.delete(step);
  }

  /** The dependency is up. */
  begin(): void {
    this.end();
    this.#up = new AbortController();
    this.#start(this.#up.signal);
  }

  /** The dependency is not up any more. */
  end(): void {
    for (const step of this.#steps.keys()) this.#steps.set(step, "pending");
    this.#up?.abort(new LashError("cancelled", "Cannot go on with the recovery: the dependency is gone"));
    this.#up = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#running;
  }

  #start(signal: AbortSignal): void {
    this.#running = this.#running.then(async () => await this.#run(signal));
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, delayMs } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const pending = this.#in("pending");
      if (pending.length === 0) {
        this.#reopen();
        return;
      }
      if (await this.#reconcile(pending, signal)) continue;
      if (signal.aborted) return;
      failures += 1;
      this.#options.onFailed();
      await clock.sleep(delayMs(failures), { signal }).catch(() => {});
    }
  }

  /** Whether all of these have reconciled. */
  async #reconcile(steps: readonly RecoveryStep[], signal: AbortSignal): Promise<boolean> {
    const results = await Promise.all(
      steps.map(async (step) => {
        try {
          const work = step.reconcile({ signal });
          work.catch(() => {});
          await abortable(work, signal);
          if (this.#steps.has(step)) this.#steps.set(step, "reconciled");
          return true;
        } catch (error) {
          if (!signal.aborted) this.#options.onFault(error);
          return !this.#steps.has(step);
        }
      }),
    );
    return !results.includes(false);
  }

  #reopen(): void {
    for (const step of this.#in("reconciled")) {
      this.#steps.set(step, "open");
      try {
        step.reopen();
      } catch (error) {
        this.#options.onFault(error);
      }
    }
  }

  #in(wanted: "pending" | "reconciled"): readonly RecoveryStep[] {
    return [...this.#steps].flatMap(([step, state]) => (state === wanted ? [step] : []));
  }
}
