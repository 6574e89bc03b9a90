import { type Board, doneCount, pulledBytes, type Row, type RowState } from "./board.ts";
import type { Paint, Style } from "./paint.ts";
import { bytes, elapsed, pad, padLeft, plain, textWidth, truncate } from "./text.ts";

export interface FrameOptions {
  readonly columns: number;
  /** Most lines the frame may have. */
  readonly lines: number;
  readonly nowMs: number;
  readonly paint: Paint;
}

interface Look {
  readonly mark: string;
  readonly style: Style;
  /** Still changing: its clock runs. */
  readonly busy: boolean;
  /** Lower is shown first when not every row fits. */
  readonly rank: number;
}

const looks: Readonly<Record<RowState, Look>> = {
  failed: { mark: "x", style: "red", busy: false, rank: 0 },
  unhealthy: { mark: "!", style: "red", busy: true, rank: 1 },
  exited: { mark: "!", style: "yellow", busy: false, rank: 1 },
  restarting: { mark: "!", style: "yellow", busy: true, rank: 1 },
  pulling: { mark: "-", style: "cyan", busy: true, rank: 2 },
  building: { mark: "-", style: "cyan", busy: true, rank: 2 },
  starting: { mark: "-", style: "cyan", busy: true, rank: 2 },
  running: { mark: "-", style: "cyan", busy: true, rank: 2 },
  stopping: { mark: "-", style: "yellow", busy: true, rank: 2 },
  waiting: { mark: " ", style: "dim", busy: true, rank: 3 },
  pending: { mark: " ", style: "dim", busy: true, rank: 4 },
  ready: { mark: "v", style: "green", busy: false, rank: 5 },
  completed: { mark: "v", style: "green", busy: false, rank: 5 },
  stopped: { mark: "v", style: "dim", busy: false, rank: 5 },
};

const stateColumns = 10;
const elapsedColumns = 9;
const barColumns = 20;

/** The board as lines, each shorter than the terminal is wide, never more than fit. */
export function frame(board: Board, options: FrameOptions): readonly string[] {
  const { shown, hidden } = choose(board.rows, options.lines - 1);
  const names = nameColumns(shown, options.columns);
  const lines = [header(board, options), ...shown.map((row) => rowLine(row, names, options))];
  if (hidden.length > 0) lines.push(summary(hidden, options));
  return lines.slice(0, Math.max(1, options.lines));
}

function header(board: Board, { columns, nowMs, paint }: FrameOptions): string {
  const done = `${doneCount(board)} of ${board.rows.length} ${board.goal}`;
  const text = `${plain(board.title)}  ${done}  ${elapsed(nowMs - board.startedMs)}`;
  return paint.as("bold", truncate(text, columns - 1));
}

/** The rows that fit, in their own order; the least interesting are left out, and a line is kept to say so. */
function choose(rows: readonly Row[], lines: number): { shown: readonly Row[]; hidden: readonly Row[] } {
  if (rows.length <= lines) return { shown: rows, hidden: [] };
  const byRank = rows.toSorted((a, b) => looks[a.state].rank - looks[b.state].rank);
  const kept = new Set(byRank.slice(0, Math.max(0, lines - 1)));
  return { shown: rows.filter((row) => kept.has(row)), hidden: rows.filter((row) => !kept.has(row)) };
}

function nameColumns(rows: readonly Row[], columns: number): number {
  const longest = Math.max(4, ...rows.map((row) => textWidth(plain(row.name))));
  return Math.min(longest, Math.max(4, Math.floor(columns / 3)));
}

function rowLine(row: Row, names: number, { columns, nowMs, paint }: FrameOptions): string {
  const look = looks[row.state];
  const time = padLeft(elapsedOf(row, look, nowMs), elapsedColumns);
  const room = columns - 1 - 2 - names - 2 - stateColumns - elapsedColumns - 2;
  const fixed = `${pad(truncate(plain(row.name), names), names)}  `;
  if (room < 0) return truncate(`${look.mark} ${fixed}${row.state}`, columns - 1);
  const state = paint.as(look.style, pad(row.state, stateColumns));
  const detail = truncate(detailOf(row, room), room);
  const painted = row.state === "failed" ? paint.as("red", detail) : paint.as("dim", detail);
  return `${paint.as(look.style, look.mark)} ${fixed}${state}${time}${detail === "" ? "" : `  ${painted}`}`;
}

function elapsedOf(row: Row, look: Look, nowMs: number): string {
  if (row.state === "pending") return "";
  const from = row.activeSinceMs ?? row.sinceMs;
  return elapsed((look.busy ? nowMs : row.sinceMs) - from);
}

function detailOf(row: Row, room: number): string {
  const pulled = row.state === "pulling" || row.state === "building" ? pulledBytes(row) : undefined;
  if (pulled === undefined) return plain(row.detail);
  const numbers = `${bytes(pulled.current)} of ${bytes(pulled.total)}`;
  if (room < barColumns + 4 + numbers.length) return numbers;
  const filled = Math.round((pulled.current / pulled.total) * barColumns);
  return `[${"=".repeat(filled)}${" ".repeat(barColumns - filled)}] ${numbers}  ${plain(row.detail)}`;
}

function summary(hidden: readonly Row[], { columns, paint }: FrameOptions): string {
  const counts = new Map<RowState, number>();
  for (const row of hidden) counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
  const words = [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
  return paint.as("dim", truncate(`  and ${hidden.length} more: ${words}`, columns - 1));
}
