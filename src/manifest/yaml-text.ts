import type { Position, Problem } from "./problem.ts";

/** Longest line taken. The parser looks far ahead in a line of garbage, and people do not write such lines. */
const maxLineLength = 100_000;
/** Characters from which on the density of a text is looked at; below, none takes long. */
const minLength = 100_000;
/**
 * Characters per line, and per bracket or comma, that a larger text has at least. Parsing costs some 8 µs for each of
 * them whatever they mean, so a megabyte of little else takes seconds. Manifests have 15 and more per line, and written
 * by programs in flow style more than 5 per bracket or comma.
 */
const minPerLine = 7;
const minPerSeparator = 3;

const lineFeed = 10;
const separators: ReadonlySet<number> = new Set(Array.from(",[]{}", (character) => character.charCodeAt(0)));

/** What makes a text no manifest at first sight; undefined when nothing does. One pass, whatever the text. */
export function refuseEarly(text: string): Problem | undefined {
  const control = /[^\P{Cc}\t\n\r]/u.exec(text);
  if (control !== null) {
    return refusal("text", "a control character", new LineIndex(text).position(control.index));
  }
  let count = 0;
  let line = 1;
  let lineStart = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (separators.has(code)) count++;
    if (code !== lineFeed) continue;
    if (index - lineStart > maxLineLength) break;
    line++;
    lineStart = index + 1;
  }
  const end = text.indexOf("\n", lineStart);
  if ((end === -1 ? text.length : end) - lineStart > maxLineLength) {
    return refusal(`lines of at most ${maxLineLength} characters`, "a longer one", { line, column: 1 });
  }
  if (text.length < minLength) return undefined;
  if (text.length >= line * minPerLine && text.length >= count * minPerSeparator) return undefined;
  const found = `${line} lines, ${count} brackets and commas in ${text.length} characters`;
  return refusal("a manifest", found, { line: 1, column: 1 });
}

/** Lines of a text by offset. The lines are looked for at the first question. */
export class LineIndex {
  readonly #text: string;
  #starts: readonly number[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  position(offset: number): Position {
    const starts = (this.#starts ??= this.#find());
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }

  #find(): readonly number[] {
    const starts = [0];
    for (let at = this.#text.indexOf("\n"); at !== -1; at = this.#text.indexOf("\n", at + 1))
      starts.push(at + 1);
    return starts;
  }
}

function refusal(expected: string, found: string, position: Position): Problem {
  return { ...position, path: "", expected, found, message: `expected ${expected}, found ${found}` };
}
