import type { Failure } from "../recovery/failure.ts";
import type { Repair } from "../recovery/repair.ts";
import type { RecoveryReport } from "../recovery/report.ts";

/** What happened, without its place in the stream. */
export type StackEventBody =
  | { readonly type: "resource_pulling"; readonly name: string; readonly image: string }
  | { readonly type: "resource_building"; readonly name: string; readonly context: string }
  | {
      readonly type: "resource_progress";
      readonly name: string;
      readonly text: string;
      readonly part: string | undefined;
      readonly currentBytes: number | undefined;
      readonly totalBytes: number | undefined;
    }
  | { readonly type: "resource_waiting"; readonly name: string; readonly on: readonly string[] }
  | { readonly type: "resource_starting"; readonly name: string }
  | {
      readonly type: "resource_started";
      readonly name: string;
      readonly container_id: string;
      /** True when it was running already and is kept. */
      readonly adopted: boolean;
    }
  | {
      readonly type: "resource_ready";
      readonly name: string;
      readonly container_id: string;
      /** Address to open from this machine, if it has one. */
      readonly url: string | undefined;
    }
  | { readonly type: "resource_unhealthy"; readonly name: string; readonly output: string }
  | { readonly type: "resource_completed"; readonly name: string }
  | {
      readonly type: "resource_failed";
      readonly name: string;
      readonly error: string;
      readonly failure: Failure;
    }
  | {
      readonly type: "resource_exited";
      readonly name: string;
      readonly exit_code: number | undefined;
      readonly oom_killed: boolean;
      readonly log_tail: readonly string[];
    }
  | {
      readonly type: "resource_restarting";
      readonly name: string;
      readonly attempt: number;
      readonly delay_ms: number;
    }
  | { readonly type: "resource_stopping"; readonly name: string }
  | { readonly type: "resource_stopped"; readonly name: string }
  | { readonly type: "failure_detected"; readonly name: string; readonly failure: Failure }
  /** A repair is about to be made. */
  | { readonly type: "repair_started"; readonly name: string; readonly repair: Repair }
  /** It was made, and what had failed is about to be tried again. */
  | { readonly type: "repair_applied"; readonly name: string; readonly repair: Repair }
  | { readonly type: "recovered"; readonly name: string; readonly report: RecoveryReport }
  /** There was no safe repair, or it did not help. The failure itself follows as `resource_failed`. */
  | { readonly type: "recovery_ended"; readonly name: string; readonly report: RecoveryReport }
  | { readonly type: "engine_lost"; readonly error: string }
  | { readonly type: "engine_back"; readonly after_ms: number }
  /** Something worth saying that is not a change of state, for example an orphan that was left alone. */
  | { readonly type: "notice"; readonly message: string; readonly hint: string | undefined }
  | {
      readonly type: "stack_started";
      readonly ready: number;
      readonly total: number;
      readonly took_ms: number;
    }
  | { readonly type: "stack_stopping"; readonly reason: string }
  | { readonly type: "stack_stopped" }
  /** In place of events a slow subscriber missed. */
  | { readonly type: "events_missed"; readonly count: number };

/** One event of a stack's ordered stream. */
export type StackEvent = StackEventBody & {
  /** Counts up by one, from 1, per stack handle. */
  readonly seq: number;
  /** ISO 8601 with milliseconds. */
  readonly at: string;
  readonly project: string;
};
