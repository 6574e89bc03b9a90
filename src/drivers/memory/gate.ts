import type { Clock } from "../../async/clock.ts";
import { type LinkedSignal, linkSignals } from "../../async/signals.ts";
import { LashError, messageOf } from "../../model/errors.ts";
import type { Journal } from "./journal.ts";

/** One call on its way in. */
export interface Call {
  /** Name of the port's method, abilities with their role: "start", "images.pull". */
  readonly method: string;
  /** What it is about: a container, an image... */
  readonly target: string;
  readonly signal: AbortSignal;
}

/** What every call passes on its way in: the journal, ordered failures and delays, the connection. */
export class Gate {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #failures = new Map<string, unknown[]>();
  readonly #delays = new Map<string, number>();
  #connection = new AbortController();

  constructor(clock: Clock, journal: Journal) {
    this.#clock = clock;
    this.#journal = journal;
  }

  failNext(method: string, errors: readonly unknown[]): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), ...errors]);
  }

  delay(method: string, ms: number): void {
    this.#delays.set(method, ms);
  }

  disconnect(reason: LashError): void {
    this.#connection.abort(reason);
  }

  reconnect(): void {
    if (this.#connection.signal.aborted) this.#connection = new AbortController();
  }

  /** A signal that aborts with the call's and when the connection is cut. */
  link(signal: AbortSignal): LinkedSignal {
    return linkSignals(signal, this.#connection.signal);
  }

  /** Runs one call; `body` gets a signal that also aborts when the connection is cut. */
  async pass<T>(call: Call, body: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
    const { method, target } = call;
    call.signal.throwIfAborted();
    this.#journal.write({ type: "call", method, target });
    using linked = this.link(call.signal);
    try {
      await this.admit(method, linked.signal);
      const result = await body(linked.signal);
      this.#journal.write({ type: "return", method, target });
      return result;
    } catch (error) {
      this.#journal.write({ type: "throw", method, target, error: messageOf(error) });
      throw error;
    }
  }

  /** The ordered delay and failure of one call. */
  async admit(method: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const ms = this.#delays.get(method) ?? 0;
    if (ms > 0) await this.#clock.sleep(ms, { signal });
    const failures = this.#failures.get(method) ?? [];
    if (failures.length > 0) throw failures.shift();
  }
}

/** The failure of a call that `failNext` ordered without naming one. */
export function orderedFailure(method: string): LashError {
  return new LashError("engine-refused", `Cannot do "${method}": failure ordered by the test`, {
    data: { status: 500 },
  });
}
