import type { OutputStream } from "../output.ts";
import { textWidth } from "./text.ts";

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const clearBelow = "\u001b[J";
const clearLine = "\u001b[2K";
// eslint-disable-next-line no-control-regex
const style = /\u001b\[[0-9;]*m/g;

/**
 * A block of lines at the bottom of a terminal that is drawn again in place. The cursor always rests at the start of
 * the line below the block, so whatever ends the process leaves the prompt in a sane place.
 */
export class Screen {
  readonly #stream: OutputStream;
  #drawn: readonly string[] = [];
  #hidden = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  get columns(): number {
    return this.#stream.columns ?? 80;
  }

  get rows(): number {
    return this.#stream.rows ?? 24;
  }

  /** Replaces the block. Lines must be narrower than the terminal, and fewer than it is high. */
  draw(lines: readonly string[]): void {
    if (
      this.#hidden &&
      lines.length === this.#drawn.length &&
      lines.every((line, at) => line === this.#drawn[at])
    )
      return;
    const start = this.#hidden ? "" : hideCursor;
    const body = lines.map((line) => `${clearLine}${line}\n`).join("");
    this.#hidden = true;
    this.#stream.write(`${start}${this.#up()}${body}${clearBelow}`);
    this.#drawn = lines;
  }

  /** Takes the block away, calls `write`, and leaves the next `draw` to put it below what was written. */
  above(write: () => void): void {
    this.erase();
    write();
  }

  /** Takes the block away; the cursor stays hidden. */
  erase(): void {
    if (this.#drawn.length === 0) return;
    this.#stream.write(`${this.#up()}${clearBelow}`);
    this.#drawn = [];
  }

  /** Leaves the block as it stands and gives the cursor back. Safe to call at any moment and more than once. */
  release(): void {
    if (this.#hidden) this.#stream.write(showCursor);
    this.#hidden = false;
    this.#drawn = [];
  }

  /** Moves to the block's first line. A terminal made narrower has wrapped its lines: they are taller now. */
  #up(): string {
    const columns = this.columns;
    const height = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(textWidth(line.replaceAll(style, "")) / columns)),
      0,
    );
    return height === 0 ? "\r" : `\r\u001b[${height}A`;
  }
}
