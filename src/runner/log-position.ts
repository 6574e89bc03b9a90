import type { LogEntry } from "../engine/facts.ts";

/**
 * How far a log was read: for each stream the time of its last line and how many lines had that time. Lines of one
 * stream come in order, those of two streams only almost, so one position for both would lose some.
 */
export interface LogPosition {
  readonly stdout: StreamPosition | undefined;
  readonly stderr: StreamPosition | undefined;
}

interface StreamPosition {
  readonly at: string;
  readonly count: number;
}

/**
 * Read again before the last line: lines of two streams may be in another order than their times, engines differ in
 * whether "since" takes what was written at that very moment, and Podman's stamps have whole seconds.
 */
const marginMs = 2000;

/** Keeps count of the lines read. */
export class LogCounter {
  #position: { stdout: StreamPosition | undefined; stderr: StreamPosition | undefined };

  constructor(position: LogPosition = { stdout: undefined, stderr: undefined }) {
    this.#position = { ...position };
  }

  add({ stream, at }: LogEntry): void {
    const before = this.#position[stream];
    this.#position[stream] = { at, count: before?.at === at ? before.count + 1 : 1 };
  }

  /** As the id of a message. */
  text(): string {
    const one = (position: StreamPosition | undefined): string =>
      position === undefined ? "" : `${position.at}*${position.count}`;
    return `${one(this.#position.stdout)},${one(this.#position.stderr)}`;
  }
}

/** The position in an id; undefined when it is none. */
export function parseLogPosition(text: string): LogPosition | undefined {
  const [out, err, ...more] = text.split(",");
  if (out === undefined || err === undefined || more.length > 0) return undefined;
  const one = (part: string): StreamPosition | "none" | undefined => {
    if (part === "") return "none";
    const match = /^(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))\*(\d{1,9})$/.exec(part);
    const [, at = "", count = ""] = match ?? [];
    return match === null || Number.isNaN(Date.parse(at)) ? undefined : { at, count: Number(count) };
  };
  const [stdout, stderr] = [one(out), one(err)];
  if (stdout === undefined || stderr === undefined) return undefined;
  return {
    stdout: stdout === "none" ? undefined : stdout,
    stderr: stderr === "none" ? undefined : stderr,
  };
}

/** From when to read again so that nothing is missed; undefined: nothing was read. */
export function sinceOf({ stdout, stderr }: LogPosition): string | undefined {
  const times = [stdout, stderr].flatMap((each) => (each === undefined ? [] : [Date.parse(each.at)]));
  return times.length === 0 ? undefined : new Date(Math.max(...times) - marginMs).toISOString();
}

/** What comes after a position, of a log that is read again from `sinceOf`. */
export async function* after(
  position: LogPosition,
  entries: AsyncIterable<LogEntry>,
): AsyncGenerator<LogEntry, void, undefined> {
  const left = { stdout: position.stdout?.count ?? 0, stderr: position.stderr?.count ?? 0 };
  for await (const entry of entries) {
    const last = position[entry.stream];
    const order = last === undefined ? 1 : compareTimes(entry.at, last.at);
    if (order < 0) continue;
    if (order === 0 && left[entry.stream] > 0) left[entry.stream] -= 1;
    else yield entry;
  }
}

/** RFC 3339 times by their whole precision. */
function compareTimes(a: string, b: string): number {
  const ms = wholeSeconds(a) - wholeSeconds(b);
  return ms === 0 ? compareTexts(fraction(a), fraction(b)) : ms;
}

function wholeSeconds(at: string): number {
  return Date.parse(at.replace(/\.\d+/, ""));
}

function fraction(at: string): string {
  return (/\.(\d+)/.exec(at)?.[1] ?? "").padEnd(9, "0");
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
