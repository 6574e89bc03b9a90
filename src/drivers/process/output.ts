import { type FileHandle, open } from "node:fs/promises";
import type { Clock } from "../../async/clock.ts";
import type { LogOptions } from "../../engine/engine.ts";
import type { LogEntry } from "../../engine/facts.ts";
import { isErrno } from "./identity.ts";
import { MarkReader, outputPath, type Stream } from "./marks.ts";

/** How often a follower looks for more. fs.watch misses changes on some file systems, so it is not relied on. */
const followPeriodMs = 100;
const chunkBytes = 64 * 1024;
/** A line longer than this is given in pieces, so that output without line ends cannot fill the memory. */
const longestLine = 1024 * 1024;

interface Line {
  readonly stream: Stream;
  readonly atMs: number;
  readonly text: string;
}

export interface OutputSource {
  /** Folder of the record. */
  readonly folder: string;
  readonly clock: Clock;
  /** Whether the process may still write. */
  writing(): boolean;
}

/** Output so far, in order of time as far as it is known, then what follows until the process ends. */
export async function* readOutput(
  source: OutputSource,
  options: LogOptions,
): AsyncGenerator<LogEntry, void, undefined> {
  const { signal, follow } = options;
  const sinceMs = options.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(options.since);
  await using stdout = new StreamReader(source.folder, "stdout");
  await using stderr = new StreamReader(source.folder, "stderr");
  let { tail } = options;
  if (tail !== undefined) for (const each of [stdout, stderr]) await each.seekTail(tail);

  for (;;) {
    // Asked first: whatever a process wrote before it ended is read after it was seen ended.
    const writing = source.writing();
    let lines = merge(
      stdout.read(!follow || !writing, source.clock),
      stderr.read(!follow || !writing, source.clock),
    );
    if (tail !== undefined) lines = lastOf(lines, tail);
    tail = undefined;
    let quiet = true;
    for await (const { stream, atMs, text } of lines) {
      quiet = false;
      signal.throwIfAborted();
      if (atMs > sinceMs) yield { stream, at: new Date(atMs).toISOString(), text };
    }
    signal.throwIfAborted();
    if (!follow || !writing) return;
    if (quiet) await source.clock.sleep(followPeriodMs, { signal });
  }
}

type Lines = AsyncGenerator<Line, void, undefined>;

/** Both streams by time, holding one line of each. */
async function* merge(a: Lines, b: Lines): Lines {
  let [x, y] = [await a.next(), await b.next()];
  while (x.done !== true || y.done !== true) {
    if (y.done === true || (x.done !== true && x.value.atMs <= y.value.atMs)) {
      if (x.done !== true) yield x.value;
      x = await a.next();
    } else {
      yield y.value;
      y = await b.next();
    }
  }
}

async function* lastOf(lines: Lines, count: number): Lines {
  const kept: Line[] = [];
  for await (const line of lines) {
    kept.push(line);
    if (kept.length > count) kept.shift();
  }
  yield* kept;
}

/** Reads one stream's file from where it was left. Keeps it open: what was written is read also after a removal. */
class StreamReader implements AsyncDisposable {
  readonly #stream: Stream;
  readonly #path: string;
  readonly #marks: MarkReader;
  /** Where the next line begins. */
  #at = 0;
  #file: FileHandle | undefined;

  constructor(folder: string, stream: Stream) {
    this.#stream = stream;
    this.#path = outputPath(folder, stream);
    this.#marks = new MarkReader(folder, stream);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
  }

  /** To the beginning of the last `count` lines. */
  async seekTail(count: number): Promise<void> {
    const file = await this.#opened();
    if (file === undefined) return;
    const { size } = await file.stat();
    const buffer = Buffer.alloc(chunkBytes);
    // The line end at the very end of the file ends the last line; it begins none.
    let wanted = count + 1;
    for (let end = size; end > 0; end -= chunkBytes) {
      const begin = Math.max(0, end - chunkBytes);
      const { bytesRead } = await file.read(buffer, 0, end - begin, begin);
      if (end === size && buffer[bytesRead - 1] !== 10) wanted -= 1;
      for (let index = buffer.lastIndexOf(10, bytesRead - 1); index !== -1; index = before(buffer, index)) {
        wanted -= 1;
        if (wanted > 0) continue;
        this.#at = begin + index + 1;
        return;
      }
    }
  }

  /** Whole lines that are there by now; with `last` also one without an end. */
  async *read(last: boolean, clock: Clock): Lines {
    const file = await this.#opened();
    if (file === undefined) return;
    this.#marks.reload();
    const changedMs = Math.min(clock.now(), (await file.stat()).mtimeMs);
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const buffer = Buffer.alloc(chunkBytes);
      const { bytesRead } = await file.read(buffer, 0, chunkBytes, this.#at + rest.length);
      if (bytesRead === 0) break;
      rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      const end = rest.lastIndexOf(10) + 1;
      yield* this.#split(rest.subarray(0, end), changedMs);
      rest = rest.subarray(end);
      if (rest.length >= longestLine) {
        yield this.#take(rest, 0, changedMs);
        rest = Buffer.alloc(0);
      }
    }
    if (last && rest.length > 0) yield this.#take(rest, 0, changedMs);
  }

  *#split(whole: Buffer, changedMs: number): Generator<Line, void, undefined> {
    let begin = 0;
    for (let end = whole.indexOf(10); end !== -1; end = whole.indexOf(10, begin)) {
      yield this.#take(whole.subarray(begin, end), 1, changedMs);
      begin = end + 1;
    }
  }

  /** The line of these bytes, which together with its end are read now. */
  #take(data: Buffer, endBytes: number, changedMs: number): Line {
    this.#at += data.length + endBytes;
    const atMs = this.#marks.at(this.#at) ?? changedMs;
    return { stream: this.#stream, atMs, text: data.toString("utf8") };
  }

  async #opened(): Promise<FileHandle | undefined> {
    try {
      this.#file ??= await open(this.#path);
    } catch (error) {
      // Never started, or removed before it was read.
      if (!isErrno(error, "ENOENT")) throw error;
    }
    return this.#file;
  }
}

/** Place of the line end before this one. */
function before(buffer: Buffer, index: number): number {
  return index === 0 ? -1 : buffer.lastIndexOf(10, index - 1);
}
