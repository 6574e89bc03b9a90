import type { Clock } from "../../async/clock.ts";

/** What a journal entry tells. Calls are written when they begin and when they end; changes when they happen. */
export type JournalFact =
  | { readonly type: "call"; readonly method: string; readonly target: string }
  | { readonly type: "return"; readonly method: string; readonly target: string }
  | { readonly type: "throw"; readonly method: string; readonly target: string; readonly error: string }
  | {
      readonly type: "change";
      /** Kind of thing: "container", "image", "network" or "volume". */
      readonly of: string;
      readonly target: string;
      /** For a container the action of the event, for example "die"; else "create", "pull", "remove"... */
      readonly action: string;
      readonly exitCode: number | undefined;
    };

/** One entry of the memory engine's journal. Order is by `sequence`, which has no gaps. */
export type JournalEntry = JournalFact & { readonly sequence: number; readonly atMs: number };

/** Everything asked of the engine and everything that happened in it, in order. */
export class Journal {
  readonly entries: JournalEntry[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  write(fact: JournalFact): void {
    this.entries.push({ ...fact, sequence: this.entries.length, atMs: this.#clock.now() });
  }
}
