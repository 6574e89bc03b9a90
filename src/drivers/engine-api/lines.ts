import type { LogEntry } from "../../engine/facts.ts";
import type { FramePiece } from "./frames.ts";

/** A longer line is cut: the engine has no bound of its own, and one line must not fill our memory. */
export const maxLineBytes = 64 * 1024;

const lineFeed = 10;
const carriageReturn = 13;
/** Longest time stamp asked of the engine, with its space: "2026-11-21T02:17:50.123456789+01:00 ". */
const maxStampBytes = 36;

interface Line {
  /** Bytes kept, at most the bound. */
  kept: Uint8Array[];
  keptBytes: number;
  totalBytes: number;
  at: string;
  /** Bytes of a time stamp still being collected; undefined once it is known. */
  stamp: Uint8Array | undefined;
}

/**
 * Lines out of output asked for with time stamps. The engine stamps each message, also the second half of a line
 * longer than its own 16 KiB buffer, so a stamp is taken off wherever a message begins and a line takes its first.
 * Without frames (tty) such inner stamps stay in the text. Bytes that are no UTF-8 become U+FFFD; a line above 64 KiB
 * is cut and says so at its end.
 */
export async function* readLines(
  pieces: AsyncIterable<FramePiece>,
): AsyncGenerator<LogEntry, void, undefined> {
  const open: Record<FramePiece["stream"], Line | undefined> = { stdout: undefined, stderr: undefined };
  for await (const { stream, data, first } of pieces) {
    let line = open[stream];
    // A message that continues a line carries a stamp of its own.
    if (first && line !== undefined && line.stamp === undefined) line.stamp = new Uint8Array();
    let from = 0;
    while (from < data.length) {
      line ??= { kept: [], keptBytes: 0, totalBytes: 0, at: "", stamp: new Uint8Array() };
      const end = data.indexOf(lineFeed, from);
      add(line, data.subarray(from, end === -1 ? data.length : end));
      if (end === -1) break;
      yield entryOf(stream, line);
      line = undefined;
      from = end + 1;
    }
    open[stream] = line;
  }
  for (const stream of ["stdout", "stderr"] as const) {
    const line = open[stream];
    if (line !== undefined) yield entryOf(stream, line);
  }
}

function add(line: Line, bytes: Uint8Array): void {
  if (line.stamp === undefined) {
    keep(line, bytes);
    return;
  }
  const collected = Buffer.concat([line.stamp, bytes]);
  if (collected.length < maxStampBytes && !collected.includes(" ")) {
    line.stamp = collected;
    return;
  }
  line.stamp = undefined;
  keep(line, withoutStamp(line, collected));
}

function withoutStamp(line: Line, bytes: Uint8Array): Uint8Array {
  const head = Buffer.from(bytes.subarray(0, maxStampBytes)).toString("latin1");
  const stamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))(?: |$)/.exec(head);
  if (stamp?.[1] === undefined) return bytes;
  if (line.at === "") line.at = stamp[1];
  return bytes.subarray(stamp[0].length);
}

function keep(line: Line, bytes: Uint8Array): void {
  line.totalBytes += bytes.length;
  const room = maxLineBytes - line.keptBytes;
  if (room <= 0 || bytes.length === 0) return;
  // A copy: a view would keep the whole chunk of the network alive.
  const part = Uint8Array.prototype.slice.call(bytes, 0, room);
  line.kept.push(part);
  line.keptBytes += part.length;
}

function entryOf(stream: LogEntry["stream"], line: Line): LogEntry {
  if (line.stamp !== undefined) keep(line, withoutStamp(line, line.stamp));
  const bytes = Buffer.concat(line.kept);
  if (line.totalBytes > bytes.length) {
    const text = bytes.subarray(0, wholeCharacters(bytes)).toString("utf8");
    return { stream, at: line.at, text: `${text} [cut: ${bytes.length} of ${line.totalBytes} bytes]` };
  }
  const length = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
  return { stream, at: line.at, text: bytes.subarray(0, length).toString("utf8") };
}

/** How many bytes to keep so that no character is cut in half. */
function wholeCharacters(bytes: Uint8Array): number {
  let start = bytes.length;
  while (start > 0 && bytes.length - start < 4) {
    start -= 1;
    const byte = bytes[start] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return bytes.length - start < needed ? start : bytes.length;
    }
  }
  return bytes.length;
}
