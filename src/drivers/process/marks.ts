import { appendFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export type Stream = "stdout" | "stderr";
export const streams: readonly Stream[] = ["stdout", "stderr"];

/** File that a process writes this stream to. */
export function outputPath(folder: string, stream: Stream): string {
  return join(folder, `${stream}.log`);
}

/** When a stream had reached a size. */
interface Mark {
  readonly atMs: number;
  readonly size: number;
}

/**
 * Notes when the output of running processes grows. A process writes straight into its files, without any times: a
 * line's time is that of the first mark that covers it, so up to one period late. What is written while no engine runs
 * that started the process has the file's last change, or the next mark, as its time.
 */
export class MarkWriter {
  readonly #folder: string;
  readonly #sizes: Record<Stream, number>;

  constructor(folder: string) {
    this.#folder = folder;
    this.#sizes = {
      stdout: sizeOf(outputPath(folder, "stdout")),
      stderr: sizeOf(outputPath(folder, "stderr")),
    };
  }

  note(nowMs: number): void {
    for (const stream of streams) {
      const path = outputPath(this.#folder, stream);
      const size = sizeOf(path);
      if (size === this.#sizes[stream]) continue;
      this.#sizes[stream] = size;
      try {
        appendFileSync(`${path}.marks`, `${nowMs} ${size}\n`, { mode: 0o600 });
      } catch {
        // Removed meanwhile, or the disk is full: times get coarser, nothing else.
      }
    }
  }
}

/** Tells the time of what a stream holds, by its marks. */
export class MarkReader {
  readonly #path: string;
  #marks: readonly Mark[] = [];

  constructor(folder: string, stream: Stream) {
    this.#path = `${outputPath(folder, stream)}.marks`;
    this.reload();
  }

  reload(): void {
    try {
      this.#marks = readFileSync(this.#path, "utf8").split("\n").filter(Boolean).map(parseMark);
    } catch {
      // None yet.
    }
  }

  /** Time of the first mark that covers the stream up to `end`. */
  at(end: number): number | undefined {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#marks[middle]?.size ?? 0) >= end) high = middle;
      else low = middle + 1;
    }
    return this.#marks[low]?.atMs;
  }
}

export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function parseMark(line: string): Mark {
  const [atMs = 0, size = 0] = line.split(" ").map(Number);
  return { atMs, size };
}
