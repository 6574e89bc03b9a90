import type { Summary } from "../lib/stats.ts";

/** One line of the results. */
export interface Row {
  readonly suite: string;
  /** What was done, such as a graph. */
  readonly subject: string;
  /** Who did it. */
  readonly contestant: string;
  /** What is measured, such as "ready" or "exit". */
  readonly metric: string;
  /** "" for a number without one. */
  readonly unit: "ms" | "x" | "calls" | "";
  readonly value: Summary;
  /** How many times the value of another row, as the median of the ratios within each round. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly target?: { readonly text: string; readonly met: boolean } | undefined;
}

/** Something measured or found that is no number of its own. */
export interface SuiteResult {
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}
