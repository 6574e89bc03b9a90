import type { Clock } from "../../../../src/async/clock.ts";

/** A clock that stands still until told otherwise. */
export class ManualClock implements Clock {
  #nowMs = Date.parse("2026-01-01T00:00:00.000Z");
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  async sleep(ms: number, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      this.#sleepers.push({ atMs: this.#nowMs + ms, wake: resolve });
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
  }

  /** Moves on and lets everything that was due run. */
  async advance(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = this.#sleepers.filter((each) => each.atMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter((each) => each.atMs > this.#nowMs);
    for (const each of due) each.wake();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
