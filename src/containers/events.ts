import { randomBytes } from "node:crypto";
import type { EngineEvent } from "../engine/facts.ts";

/** Something happened to a container of the server. */
export interface ContainerEvent {
  /** Counts up by one. */
  readonly seq: number;
  readonly containerId: string;
  readonly name: string;
  readonly action: string;
  readonly atMs: number;
  readonly exitCode: number | undefined;
}

/** What a listener gets: an event, or how many it has missed. */
export type Heard =
  | { readonly type: "event"; readonly event: ContainerEvent }
  | { readonly type: "missed"; readonly count: number };

export interface ListenOptions {
  readonly signal: AbortSignal;
  /** Of one container alone. */
  readonly containerId?: string | undefined;
  /** Go on after this one. Undefined: from now on. */
  readonly after?: number | undefined;
}

/** Events that a listener who comes back can still have. */
const kept = 1000;

/** The events of the server's containers, with a bounded memory. */
export class ContainerEvents {
  /** Tells this count of events from that of another process. */
  readonly life = randomBytes(6).toString("hex");
  #past: ContainerEvent[] = [];
  #last = 0;
  readonly #wakes = new Set<() => void>();

  get last(): number {
    return this.#last;
  }

  publish({ id, name, action, atMs, exitCode }: EngineEvent): void {
    this.#last += 1;
    this.#past.push({ seq: this.#last, containerId: id, name, action, atMs, exitCode });
    if (this.#past.length > 2 * kept) this.#past = this.#past.slice(-kept);
    for (const wake of this.#wakes) wake();
  }

  /** Every later event, in order. A listener that is too slow misses some and is told how many. Ends by the signal. */
  async *listen({ signal, containerId, after }: ListenOptions): AsyncGenerator<Heard, void, undefined> {
    let at = Math.min(after ?? this.#last, this.#last);
    while (!signal.aborted) {
      const first = this.#past[0]?.seq ?? this.#last + 1;
      if (at + 1 < first) {
        yield { type: "missed", count: first - 1 - at };
        at = first - 1;
      }
      const next = this.#past[at + 1 - first];
      if (next === undefined) {
        await this.#change(signal);
        continue;
      }
      at = next.seq;
      if (containerId === undefined || next.containerId === containerId) yield { type: "event", event: next };
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakes.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#wakes.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
