import type { Random } from "./random.ts";

/** What one run of a suite gets. */
export interface RunContext {
  /** Repeats with the run's seed alone: any run can be replayed without those before it. */
  readonly random: Random;
  readonly seed: number;
  /** Says something worth a line, for example what was measured. */
  readonly note: (text: string) => void;
}

/** One suite, open: what all its runs share is set up. */
export interface OpenSuite extends AsyncDisposable {
  /** One run. Rejects with what was wrong; returns words on what it did. */
  run(context: RunContext): Promise<string>;
}

export interface Suite {
  readonly runs: number;
  /** A run that takes longer has failed. */
  readonly timeoutMs: number;
  open(): Promise<OpenSuite>;
}

/** Throws with all that is wrong, if anything is. */
export function assertNone(wrong: readonly string[]): void {
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
}
