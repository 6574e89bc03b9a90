import type { BenchBed } from "../lib/bench-bed.ts";
import type { Observer } from "../lib/observer.ts";
import type { Random } from "../lib/random.ts";
import type { SuiteResult } from "../report/row.ts";

/** What a suite is given. */
export interface SuiteContext {
  readonly bed: BenchBed;
  readonly observer: Observer;
  readonly random: Random;
  readonly runs: number;
  /** Says what is being done, on stderr. */
  readonly say: (text: string) => void;
}

export type Suite = (context: SuiteContext) => Promise<SuiteResult>;
