import type { StackEvent } from "../../app/types.ts";
import { exitWords, failedWords, isRecovery } from "./board.ts";
import type { Paint } from "./paint.ts";
import { detectedLines, endedAgainLines, gaveUpLines, recoveredLines, repairLines } from "./recovery.ts";
import { elapsed, pad, plain } from "./text.ts";
import type { Told } from "./told.ts";

export interface EventLineOptions {
  readonly paint: Paint;
  /** Columns to align resource names to. */
  readonly nameColumns: number;
  /** Columns to wrap long messages at; undefined: do not wrap. */
  readonly columns: number | undefined;
  /** What the reader has seen before this event. */
  readonly told: Told;
}

/** An event as lines for people; empty for one that changes nothing they would ask about. */
export function eventLines(event: StackEvent, options: EventLineOptions): readonly string[] {
  const { paint, nameColumns, told } = options;
  const of = (name: string, mark: string, state: string, detail = ""): readonly string[] => {
    const rest = detail === "" ? "" : `  ${plain(detail)}`;
    return [`${mark} ${pad(plain(name), nameColumns)}  ${rest === "" ? state : pad(state, 10)}${rest}`];
  };
  const good = paint.as("green", "v");
  const bad = paint.as("red", "x");
  const warn = paint.as("yellow", "!");
  switch (event.type) {
    case "resource_pulling":
      return of(event.name, "-", "pulling", event.image);
    case "resource_building":
      return of(event.name, "-", "building", event.context);
    case "resource_progress":
      return [];
    case "resource_waiting":
      return of(event.name, "-", "waiting", `for ${event.on.join(", ")}`);
    case "resource_starting":
      return of(event.name, "-", "starting");
    case "resource_started":
      return of(event.name, "-", "running", event.adopted ? "was running already" : "");
    case "resource_ready":
      return of(event.name, good, "ready", event.url);
    case "resource_unhealthy":
      return of(event.name, warn, "unhealthy", event.output);
    case "resource_completed":
      return of(event.name, good, "completed");
    case "resource_failed":
      return of(event.name, bad, "failed", failedWords(event, told));
    case "resource_exited":
      return of(event.name, warn, "exited", exitWords(event.exit_code, event.oom_killed));
    case "resource_restarting":
      return of(event.name, warn, "restarting", `attempt ${event.attempt}, in ${elapsed(event.delay_ms)}`);
    case "resource_stopping":
      return of(event.name, "-", "stopping");
    case "resource_stopped":
      return of(event.name, "-", "stopped");
    case "failure_detected":
      return detectedLines(event.failure, options);
    case "repair_started":
      return repairLines(event.repair, options);
    case "repair_applied":
      return [];
    case "recovered":
      return recoveredLines(event.report, { ...options, addresses: told.addresses(event) });
    case "recovery_ended":
      return event.report.failure !== undefined && told.knows(event.report.failure)
        ? endedAgainLines(event.report, event.report.failure, options)
        : gaveUpLines(event.report, options);
    case "engine_lost":
      return [`${warn} ${plain(`engine lost: ${event.error}`)}; what runs keeps running, trying again`];
    case "engine_back":
      return [`${good} engine back after ${elapsed(event.after_ms)}`];
    case "notice":
      return [`- ${plain(event.message)}`, ...(event.hint === undefined ? [] : [`  ${plain(event.hint)}`])];
    case "stack_started":
      return [`${good} ${event.ready} of ${event.total} resources ready in ${elapsed(event.took_ms)}`];
    case "stack_stopping":
      return [`- stopping: ${plain(event.reason)}`];
    case "stack_stopped":
      return [`${good} stopped`];
    case "events_missed":
      return [`${warn} ${event.count} events missed here: this terminal was too slow`];
  }
}

/** Whether the event is about more than one row of the board can show. */
export function isTalk(event: StackEvent): boolean {
  return !("name" in event) || isRecovery(event);
}
