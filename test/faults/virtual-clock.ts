import type { Clock } from "../../src/async/clock.ts";

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Time that passes only when nothing else is left to do: exact, repeatable, and without waiting. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2030, 0, 1);
  #order = 0;
  #pumping = false;
  #frozen = false;
  #sleepers: Sleeper[] = [];

  now(): number {
    return this.#now;
  }

  async sleep(ms: number, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#order += 1;
    const sleeper: Sleeper = { at: this.#now + Math.max(0, ms), order: this.#order, wake: resolve };
    const onAbort = (): void => {
      this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#sleepers.push(sleeper);
    this.#pump();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /**
   * Lets this much time pass, with everything that it brings about. Time then stands still until whoever waits for this
   * has done what is done at this very moment.
   */
  async pass(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#order += 1;
    const wake = (): void => {
      this.#frozen = true;
      resolve();
    };
    this.#sleepers.push({ at: this.#now + Math.max(0, ms), order: this.#order, wake });
    this.#pump();
    await promise;
    await this.settle();
  }

  /** Resolves once nothing is left to do at this moment. */
  async settle(): Promise<void> {
    this.#frozen = true;
    await turn();
    await turn();
    setImmediate(() => {
      this.#frozen = false;
      this.#pump();
    });
  }

  /** A macrotask a step: by then every promise that the last step settled has been followed to its end. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const step = (): void => {
      const next = this.#frozen ? undefined : this.#earliest();
      if (next === undefined) {
        this.#pumping = false;
        return;
      }
      this.#now = Math.max(this.#now, next.at);
      this.#sleepers = this.#sleepers.filter((each) => each !== next);
      next.wake();
      setImmediate(step);
    };
    setImmediate(step);
  }

  #earliest(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const each of this.#sleepers) {
      if (first === undefined || each.at < first.at || (each.at === first.at && each.order < first.order))
        first = each;
    }
    return first;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
