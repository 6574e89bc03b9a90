import type { StackEvent } from "../../app/types.ts";
import type { Clock } from "../../async/clock.ts";
import type { Output, OutputStream } from "../output.ts";
import { type Board, boardOf, type Goal, isRecovery, nextBoard } from "./board.ts";
import { eventLines, isTalk } from "./event-line.ts";
import { frame } from "./frame.ts";
import { Screen } from "./screen.ts";
import { plain, textWidth } from "./text.ts";

/** Shows what happens to a stack while a command works on it. Dispose it to leave the last state standing. */
export interface ProgressView extends Disposable {
  readonly show: (event: StackEvent) => void;
  /** Prints something else meanwhile without garbling the view. */
  readonly above: (write: () => void) => void;
}

export interface ProgressOptions {
  readonly output: Output;
  readonly stderr: OutputStream;
  readonly clock: Clock;
  /** For example `up shop`. */
  readonly title: string;
  readonly goal: Goal;
  /** Resources in the manifest's order; others follow when something happens to them. */
  readonly names: readonly string[];
}

/** Time between two drawings. Ten a second: a running tenth of a second can be read, and it costs next to nothing. */
const redrawMs = 100;

/** The view that fits: JSON lines, redrawn in place on a terminal, a line per change elsewhere. */
export function openProgress(options: ProgressOptions): ProgressView {
  if (options.output.json) return jsonProgress(options.output);
  return options.output.live ? new LiveProgress(options) : new LineProgress(options);
}

function jsonProgress(output: Output): ProgressView {
  return {
    show: (event) => void output.jsonLine(event),
    above: (write) => write(),
    [Symbol.dispose]: () => {},
  };
}

/** Columns that names are aligned to; a very long one sticks out. */
export function nameColumnsOf(names: readonly string[]): number {
  return Math.min(24, Math.max(0, ...names.map((name) => textWidth(plain(name)))));
}

/** A line per change of state. */
class LineProgress implements ProgressView {
  readonly #options: ProgressOptions;
  readonly #nameColumns: number;
  readonly #last = new Map<string, string>();

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#nameColumns = nameColumnsOf(options.names);
  }

  readonly show = (event: StackEvent): void => {
    const { output } = this.#options;
    const { told, talkPaint: paint } = output;
    const lines = eventLines(event, { paint, nameColumns: this.#nameColumns, columns: undefined, told });
    told.hear(event);
    // What a retry does looks the same again, and is news.
    if (event.type === "repair_applied") this.#last.delete(event.name);
    if ("name" in event && !isRecovery(event) && lines.length > 0) {
      const said = lines.join("\n");
      if (this.#last.get(event.name) === said) return;
      this.#last.set(event.name, said);
    }
    for (const line of lines) output.talk(line);
  };

  readonly above = (write: () => void): void => write();

  [Symbol.dispose](): void {}
}

/** A board at the bottom of the terminal. */
export class LiveProgress implements ProgressView {
  readonly #options: ProgressOptions;
  readonly #screen: Screen;
  readonly #ticking = new AbortController();
  readonly #onExit = (): void => this.#screen.release();
  #board: Board;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#screen = new Screen(options.stderr);
    // What is already gone is not brought to a stop, so a stopping board fills up as things happen.
    const names = options.goal === "stopped" ? [] : options.names;
    this.#board = boardOf({ ...options, names }, options.clock.now());
    process.once("exit", this.#onExit);
    this.#draw();
    void this.#tick();
  }

  readonly show = (event: StackEvent): void => {
    const { clock, output } = this.#options;
    const { told, talkPaint: paint } = output;
    this.#board = nextBoard(this.#board, event, { nowMs: clock.now(), told });
    const talk = isTalk(event) && !this.#saysHeader(event);
    const lines = talk
      ? eventLines(event, { paint, nameColumns: 0, columns: this.#screen.columns, told })
      : [];
    told.hear(event);
    if (lines.length === 0) return;
    this.above(() => {
      for (const line of lines) output.talk(line);
    });
  };

  readonly above = (write: () => void): void => {
    this.#screen.above(write);
    this.#draw();
  };

  [Symbol.dispose](): void {
    if (this.#ticking.signal.aborted) return;
    this.#ticking.abort();
    if (this.#board.rows.length === 0) this.#screen.erase();
    else this.#draw();
    this.#screen.release();
    process.off("exit", this.#onExit);
  }

  /** The header says as much: counted up to all ready, or all stopped. */
  #saysHeader({ type }: StackEvent): boolean {
    if (type === "stack_stopping") return this.#board.goal === "stopped";
    return type === "stack_started" || type === "stack_stopped";
  }

  #draw(): void {
    const { clock, output } = this.#options;
    const { columns, rows } = this.#screen;
    this.#screen.draw(
      frame(this.#board, { columns, lines: rows - 1, nowMs: clock.now(), paint: output.talkPaint }),
    );
  }

  async #tick(): Promise<void> {
    const { signal } = this.#ticking;
    while (!signal.aborted) {
      await this.#options.clock.sleep(redrawMs, { signal }).catch(() => {});
      if (!signal.aborted) this.#draw();
    }
  }
}
