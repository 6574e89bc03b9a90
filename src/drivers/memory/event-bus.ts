import type { LabelFilter } from "../../engine/engine.ts";
import type { EngineEvent } from "../../engine/facts.ts";
import { Channel } from "./channel.ts";

interface Subscriber {
  readonly filter: LabelFilter;
  readonly channel: Channel<EngineEvent>;
}

/** Past events that `since` can still reach. Docker keeps 256; more costs little here and forgives slow readers. */
const historySize = 10_000;

/** Hands every event to those who listen, and to late ones what they ask of the past. */
export class EventBus {
  readonly #subscribers = new Set<Subscriber>();
  #history: EngineEvent[] = [];

  publish(event: EngineEvent): void {
    this.#history.push(event);
    if (this.#history.length > 2 * historySize) this.#history = this.#history.slice(-historySize);
    for (const each of this.#subscribers) {
      if (carries(event.labels, each.filter)) each.channel.push(event);
    }
  }

  /** Ends with the signal's reason; disposal unsubscribes. */
  subscribe(
    filter: LabelFilter,
    sinceMs: number | undefined,
    signal: AbortSignal,
  ): Channel<EngineEvent> & Disposable {
    const channel = new Channel<EngineEvent>();
    const subscriber: Subscriber = { filter, channel };
    const past = sinceMs === undefined ? [] : this.#history.filter((event) => event.atMs >= sinceMs);
    for (const event of past) if (carries(event.labels, filter)) channel.push(event);
    const onAbort = (): void => channel.cut(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#subscribers.add(subscriber);
    return Object.assign(channel, {
      [Symbol.dispose]: () => {
        signal.removeEventListener("abort", onAbort);
        this.#subscribers.delete(subscriber);
      },
    });
  }
}

/** Whether `labels` has all of `filter`; an empty value asks for the key alone. */
export function carries(labels: Readonly<Record<string, string>>, filter: LabelFilter): boolean {
  return Object.entries(filter).every(([key, value]) =>
    value === "" ? labels[key] !== undefined : labels[key] === value,
  );
}
