import type { StackEvent } from "../../app/types.ts";
import { briefMessage } from "./failure.ts";
import type { Told } from "./told.ts";

/** States a row can be in: the statuses of a resource, and "exited" for a task or a crash not yet handled. */
export type RowState =
  | "pending"
  | "pulling"
  | "building"
  | "waiting"
  | "starting"
  | "running"
  | "ready"
  | "unhealthy"
  | "restarting"
  | "stopping"
  | "completed"
  | "stopped"
  | "exited"
  | "failed";

export interface Bytes {
  readonly current: number;
  readonly total: number;
}

/** One resource on the board. */
export interface Row {
  readonly name: string;
  readonly state: RowState;
  /** When work on it began; undefined while it only waits. */
  readonly activeSinceMs: number | undefined;
  /** When the present state began. */
  readonly sinceMs: number;
  readonly detail: string;
  /** Bytes by layer of a pull. */
  readonly parts: ReadonlyMap<string, Bytes>;
}

/** What a command works towards: the header counts the resources that are there. */
export type Goal = "ready" | "stopped";

/** Everything the live view knows, replaced whole with each event. */
export interface Board {
  readonly title: string;
  readonly goal: Goal;
  readonly startedMs: number;
  readonly rows: readonly Row[];
}

const noParts: ReadonlyMap<string, Bytes> = new Map();

export interface BoardOptions {
  readonly title: string;
  readonly goal: Goal;
  readonly names: readonly string[];
}

export function boardOf({ title, goal, names }: BoardOptions, nowMs: number): Board {
  return { title, goal, startedMs: nowMs, rows: names.map((name) => newRow(name, nowMs)) };
}

/** The board after an event. Resources it did not know are added at the end. */
export function nextBoard(
  board: Board,
  event: StackEvent,
  { nowMs, told }: { readonly nowMs: number; readonly told: Told },
): Board {
  if (!("name" in event)) return board;
  const known = board.rows.some((row) => row.name === event.name);
  // What recovery has to say may concern the stack as a whole, which has no row.
  const rows = known || isRecovery(event) ? board.rows : [...board.rows, newRow(event.name, nowMs)];
  const next = (row: Row): Row => {
    if (row.name !== event.name) return row;
    return isRecovery(event) ? recoveringRow(row, event) : nextRow(row, event, { nowMs, told });
  };
  return { ...board, rows: rows.map(next) };
}

/** How many resources are where the command wants them. */
export function doneCount({ rows, goal }: Board): number {
  const done: readonly RowState[] = goal === "ready" ? ["ready", "completed"] : ["stopped"];
  return rows.filter((row) => done.includes(row.state)).length;
}

/** Sum over the layers of a pull; undefined while nothing is known. */
export function pulledBytes(row: Row): Bytes | undefined {
  let current = 0;
  let total = 0;
  for (const part of row.parts.values()) {
    current += part.current;
    total += part.total;
  }
  return total === 0 ? undefined : { current: Math.min(current, total), total };
}

function newRow(name: string, nowMs: number): Row {
  return { name, state: "pending", activeSinceMs: undefined, sinceMs: nowMs, detail: "", parts: noParts };
}

function recoveringRow(row: Row, event: RecoveryEvent): Row {
  if (event.type === "repair_started") return { ...row, detail: `repair: ${event.repair.name}` };
  return event.type === "repair_applied" ? { ...row, detail: "retry 1/1" } : row;
}

function nextRow(
  row: Row,
  event: Exclude<NamedEvent, RecoveryEvent>,
  { nowMs, told }: { readonly nowMs: number; readonly told: Told },
): Row {
  if (event.type === "resource_progress") return progressed(row, event);
  // Roll-back stops what failed too: that it failed is what the person has to see in the end.
  if (row.state === "failed" && (event.type === "resource_stopping" || event.type === "resource_stopped"))
    return row;
  const [state, detail] = stateAndDetail(event, told);
  const active =
    state === "pending" || state === "waiting" ? row.activeSinceMs : (row.activeSinceMs ?? nowMs);
  const sinceMs = state === row.state ? row.sinceMs : nowMs;
  return { ...row, state, detail, sinceMs, activeSinceMs: active, parts: noParts };
}

type NamedEvent = Extract<StackEvent, { readonly name: string }>;
type Progress = Extract<StackEvent, { readonly type: "resource_progress" }>;

function progressed(row: Row, event: Progress): Row {
  if (event.part === undefined || event.totalBytes === undefined) return { ...row, detail: event.text };
  const parts = new Map(row.parts);
  parts.set(event.part, { current: event.currentBytes ?? 0, total: event.totalBytes });
  return { ...row, parts };
}

type StateEvent = Exclude<NamedEvent, RecoveryEvent | Progress>;

function stateAndDetail(event: StateEvent, told: Told): readonly [RowState, string] {
  switch (event.type) {
    case "resource_pulling":
      return ["pulling", event.image];
    case "resource_building":
      return ["building", event.context];
    case "resource_waiting":
      return ["waiting", `for ${event.on.join(", ")}`];
    case "resource_starting":
      return ["starting", ""];
    case "resource_started":
      return ["running", event.adopted ? "was running already" : "not ready yet"];
    case "resource_ready":
      return ["ready", ""];
    case "resource_unhealthy":
      return ["unhealthy", event.output];
    case "resource_completed":
      return ["completed", ""];
    case "resource_failed":
      return ["failed", failedWords(event, told)];
    case "resource_exited":
      return ["exited", exitWords(event.exit_code, event.oom_killed)];
    case "resource_restarting":
      return ["restarting", `attempt ${event.attempt}, in ${(event.delay_ms / 1_000).toFixed(1)} s`];
    case "resource_stopping":
      return ["stopping", ""];
    case "resource_stopped":
      return ["stopped", ""];
  }
}

/** What failed, by its code alone where the reader has its block. */
export function failedWords(
  { failure, error }: Extract<StackEvent, { readonly type: "resource_failed" }>,
  told: Told,
): string {
  if (told.knows(failure)) return failure.code;
  return failure.message === "" ? error : briefMessage(failure);
}

/** Moments of a recovery: they are told above the board, not in a row of it. */
export type RecoveryEvent = Extract<
  StackEvent,
  {
    readonly type: "failure_detected" | "repair_started" | "repair_applied" | "recovered" | "recovery_ended";
  }
>;

export function isRecovery(event: StackEvent): event is RecoveryEvent {
  return (
    event.type === "failure_detected" ||
    event.type === "repair_started" ||
    event.type === "repair_applied" ||
    event.type === "recovered" ||
    event.type === "recovery_ended"
  );
}

/** "exit code 137, out of memory". */
export function exitWords(exitCode: number | undefined, oomKilled: boolean): string {
  const code = exitCode === undefined ? "exit code unknown" : `exit code ${exitCode}`;
  return oomKilled ? `${code}, out of memory` : code;
}
