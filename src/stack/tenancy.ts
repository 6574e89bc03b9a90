import { systemClock } from "../async/clock.ts";
import type { JsonObject, JsonValue } from "../model/json.ts";
import type { ControlHandler, ControlRequest } from "../state/control.ts";
import type { Holder } from "../state/lock.ts";
import type { ResourceStatus } from "./status.ts";
import { acquireTenure, askTenant, type Tenure, type TenureOptions, takeTenure, whoHolds } from "./tenure.ts";

/** Where a stack is held. */
export interface Place {
  /** Asked once. Undefined: this handle alone knows the stack (tests on the memory driver). */
  readonly tenure: () => Promise<TenureOptions | undefined>;
  /** Whether nobody on this machine holds any stack, which is known sooner than where to hold this one. */
  readonly unheld?: (() => Promise<boolean>) | undefined;
}

/** Pause before asking again who holds a stack. */
const leavingMs = 20;

/**
 * Whether this process holds the stack, and how to get things done when another one does. Without options (no engine
 * that others could share) the stack is always ours.
 */
export class Tenancy {
  readonly #place: Place;
  readonly #answer: ControlHandler;
  #options: Promise<TenureOptions | undefined> | undefined;
  #tenure: Tenure | undefined;
  /** Pieces of work that the stack is held for; besides them `hold` holds it until `letGo`. */
  #borrowers = 0;
  #kept = false;
  #shared = true;

  constructor(place: Place, answer: ControlHandler) {
    this.#place = place;
    this.#answer = answer;
  }

  /** Who this process is to others, while it holds the stack. */
  get mine(): Holder | undefined {
    return this.#tenure?.holder;
  }

  /** Whether this process is the one that knows how the stack stands. */
  get isOurs(): boolean {
    return this.#tenure !== undefined || !this.#shared;
  }

  /** Holds the stack from now on, taking it over from a background supervisor; rejects with `stack-held`. */
  async hold(signal: AbortSignal): Promise<void> {
    const options = await this.#known();
    if (this.#tenure === undefined && options !== undefined) {
      this.#tenure = await takeTenure(options, this.#answer, signal);
    }
    this.#kept = true;
  }

  async letGo(): Promise<void> {
    this.#kept = false;
    const tenure = this.#tenure;
    this.#tenure = undefined;
    await tenure?.[Symbol.asyncDispose]();
  }

  /**
   * Does the work here if this process holds the stack (`held`) or nobody does (then for the time of the work alone);
   * otherwise has the holder do it, whose events come to `onSaid`, and returns its answer.
   */
  async here<T>(
    request: ControlRequest,
    signal: AbortSignal,
    onSaid: (value: JsonValue) => void,
    work: () => Promise<T>,
  ): Promise<T> {
    const options = await this.#known();
    if (options === undefined) return work();
    for (;;) {
      const holder = { ...options.holder, role: request.command };
      // Not `??=`: another piece of work of this process may have come to hold it meanwhile.
      const acquired =
        this.#tenure === undefined ? await acquireTenure({ ...options, holder }, this.#answer) : undefined;
      this.#tenure = acquired ?? this.#tenure;
      if (this.#tenure !== undefined) return this.#borrowed(work);
      const answer = await askTenant(options, request, signal, onSaid);
      if (answer !== undefined) return answer as T;
      // A holder that is leaving no longer listens, but holds the stack until its last answer is out.
      await systemClock.sleep(leavingMs, { signal });
    }
  }

  async #borrowed<T>(work: () => Promise<T>): Promise<T> {
    this.#borrowers += 1;
    try {
      return await work();
    } finally {
      this.#borrowers -= 1;
      if (this.#borrowers === 0 && !this.#kept) await this.letGo();
    }
  }

  /** Asks another process that holds the stack; undefined when none does, or this one. */
  async ask(
    request: ControlRequest,
    signal: AbortSignal,
    onSaid: (value: JsonValue) => void,
  ): Promise<JsonValue | undefined> {
    const options = await this.#known();
    if (this.#tenure !== undefined || options === undefined) return undefined;
    return askTenant(options, request, signal, onSaid);
  }

  async holder(signal: AbortSignal): Promise<Holder | undefined> {
    const options = await this.#known();
    if (this.#tenure !== undefined || options === undefined) return this.mine;
    return whoHolds(options, signal);
  }

  /** Statuses as the holder knows them; empty when nobody else holds the stack. */
  async remoteStatuses(signal: AbortSignal): Promise<Readonly<Record<string, ResourceStatus>>> {
    if (this.#options === undefined && (await this.#place.unheld?.()) === true) return {};
    const options = await this.#known();
    if (this.#tenure !== undefined || options === undefined) return {};
    const answer = await askTenant(options, { command: "status", arguments: {} }, signal);
    if (typeof answer !== "object" || answer === null || !("statuses" in answer)) return {};
    return answer["statuses"] as unknown as Readonly<Record<string, ResourceStatus>>;
  }

  async #known(): Promise<TenureOptions | undefined> {
    this.#options ??= this.#place.tenure();
    const options = await this.#options;
    this.#shared = options !== undefined;
    return options;
  }
}

/** Arguments of a request, without what is undefined. */
export function requestArguments(values: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const defined = Object.entries(values).filter(
    (entry): entry is [string, JsonValue] => entry[1] !== undefined,
  );
  return Object.fromEntries(defined);
}
