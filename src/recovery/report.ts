import type { Failure } from "./failure.ts";
import type { RepairName } from "./repair.ts";

/** What was detected, what was done about it, and how it ended. Data: its renderings are the command line's. */
export interface RecoveryReport {
  /** What failed, for people: `start of "backend"`. */
  readonly operation: string;
  readonly detected: Failure;
  /** The repair that was made; undefined when none was. */
  readonly repair:
    | {
        readonly name: RepairName;
        readonly what: string;
        readonly safe: string;
        readonly outcome: "done" | "failed";
      }
    | undefined;
  /** Why no repair was made, or what ended it that is no failure: a cancel, a time limit. */
  readonly because: string | undefined;
  /** The one retry; undefined when none was made. */
  readonly retry: { readonly outcome: "worked" | "failed"; readonly tookMs: number } | undefined;
  readonly outcome: "recovered" | "gave-up";
  /** What ended the repair or the retry, with what was detected first as the end of its chain of causes. */
  readonly failure: Failure | undefined;
}
