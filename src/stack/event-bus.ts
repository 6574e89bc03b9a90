import type { Clock } from "../async/clock.ts";
import type { StackEvent, StackEventBody } from "./events.ts";

/** Events kept for one slow iteration before the newest are counted instead. */
const bufferSize = 1024;

/** One ordered stream of events with any number of subscribers, each of whom sees all of it. */
export class EventBus {
  readonly #listeners = new Set<(event: StackEvent) => void>();
  readonly #project: string;
  readonly #clock: Clock;
  #seq = 0;

  constructor(project: string, clock: Clock) {
    this.#project = project;
    this.#clock = clock;
  }

  /** A listener that throws does not disturb the others or the stack: its error surfaces as an unhandled rejection. */
  emit(body: StackEventBody): void {
    this.#seq += 1;
    const event: StackEvent = {
      ...body,
      seq: this.#seq,
      at: new Date(this.#clock.now()).toISOString(),
      project: this.#project,
    };
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        void Promise.reject(error);
      }
    }
  }

  listen(listener: (event: StackEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Later events until the signal aborts, which ends the iteration without an error. */
  async *iterate(signal: AbortSignal): AsyncGenerator<StackEvent> {
    const queue: StackEvent[] = [];
    let missed = 0;
    let wake = (): void => {};
    const unsubscribe = this.listen((event) => {
      if (queue.length < bufferSize) queue.push(event);
      else missed += 1;
      wake();
    });
    const onAbort = (): void => wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event !== undefined) {
          yield event;
        } else if (missed > 0) {
          const count = missed;
          missed = 0;
          yield {
            type: "events_missed",
            count,
            seq: this.#seq,
            at: new Date(this.#clock.now()).toISOString(),
            project: this.#project,
          };
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      unsubscribe();
      signal.removeEventListener("abort", onAbort);
    }
  }
}
