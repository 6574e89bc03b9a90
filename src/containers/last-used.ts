import type { Clock } from "../async/clock.ts";
import { linkSignals } from "../async/signals.ts";
import { LashError } from "../model/errors.ts";
import { readLastUsed, writeLastUsed } from "./last-used-file.ts";
import type { Registry } from "./registry.ts";

interface LastUsedOptions {
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** Written at most this often: what a crash loses is not worth more. */
const pauseMs = 5000;

/** Writes down, some time after each change, when containers were last used. */
export class LastUsed {
  readonly known: ReadonlyMap<string, number>;
  readonly #file: string | undefined;
  readonly #options: LastUsedOptions;
  readonly #life = new AbortController();
  #pending: Promise<void> | undefined;

  private constructor(
    file: string | undefined,
    init: LastUsedOptions & { readonly known: ReadonlyMap<string, number> },
  ) {
    this.#file = file;
    this.known = init.known;
    this.#options = init;
  }

  static async open(file: string | undefined, options: LastUsedOptions): Promise<LastUsed> {
    const known = file === undefined ? new Map<string, number>() : await readLastUsed(file);
    return new LastUsed(file, { ...options, known });
  }

  changed(registry: Registry): void {
    if (this.#file === undefined || this.#life.signal.aborted) return;
    this.#pending ??= this.#later(registry);
  }

  async close(registry: Registry): Promise<void> {
    const wasPending = this.#pending !== undefined;
    this.#life.abort(new LashError("cancelled", "Cannot wait longer: the server ends"));
    await this.#pending;
    if (wasPending) await this.#write(registry);
  }

  async #later(registry: Registry): Promise<void> {
    using wait = linkSignals(this.#life.signal);
    const isTime = await this.#options.clock.sleep(pauseMs, { signal: wait.signal }).then(
      () => true,
      () => false,
    );
    this.#pending = undefined;
    if (isTime) await this.#write(registry);
  }

  async #write(registry: Registry): Promise<void> {
    if (this.#file === undefined) return;
    const used = new Map(
      registry.entries().map(({ facts, lastUsedAtMs }) => [facts.id, Math.round(lastUsedAtMs)]),
    );
    // Until everything was listed once, what is written there is better than what is known.
    if (used.size === 0 && this.known.size > 0) return;
    try {
      await writeLastUsed(this.#file, used);
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}
