import type { Paint } from "./paint.ts";
import { pad, textWidth } from "./text.ts";

/** How a reader's side looks: its colours and its width. */
export interface Look {
  readonly paint: Paint;
  /** Columns to wrap at; undefined: do not wrap. */
  readonly columns: number | undefined;
}

/** One step of a story: "x detected   port-in-use     host port 8080/tcp ...". */
export interface Step {
  readonly mark: "x" | "-" | "v";
  readonly word: string;
  /** A code or another single word; "" for none. */
  readonly code: string;
  /** Plain text, or pieces that no line end may part. */
  readonly text: string | readonly string[];
}

const wordColumns = 10;
const codeColumns = 14;
const indent = 2 + wordColumns + 1 + codeColumns + 2;
/** Below this many columns the text stands on lines of its own. */
const wideEnough = 72;
const styles = { x: "red", "-": undefined, v: "green" } as const;

/** A step as lines, its words in columns. A code that is longer than its column moves the text of its own line. */
export function stepLines({ mark, word, code, text }: Step, look: Look): readonly string[] {
  const { paint, columns } = look;
  const style = styles[mark];
  const painted = style === undefined ? mark : paint.as(style, mark);
  const gap = " ".repeat(Math.max(0, codeColumns - textWidth(code)));
  const head = `${painted} ${pad(word, wordColumns)} ${code === "" ? "" : paint.as("bold", code)}${gap}`;
  const inset = textIndent(look);
  const over = Math.max(0, textWidth(code) - codeColumns);
  const pieces = typeof text === "string" ? text.split(" ") : text;
  const gapBetween = typeof text === "string" ? " " : "   ";
  const width = columns === undefined ? Number.POSITIVE_INFINITY : columns - inset.length;
  if (inset.length < indent) {
    const lines = text.length === 0 ? [] : hanging(pieces, gapBetween, { first: width, rest: width });
    return [head.trimEnd(), ...lines.map((line) => `${inset}${line}`)];
  }
  const [first = "", ...rest] = hanging(pieces, gapBetween, { first: width - over, rest: width });
  return [`${head}  ${first}`.trimEnd(), ...rest.map((line) => `${inset}${line}`)];
}

/** Spaces in front of a step's text where it stands on a line of its own. */
export function textIndent({ columns }: Look): string {
  return " ".repeat(columns === undefined || columns >= wideEnough ? indent : 2);
}

/** Pieces put into lines; a piece longer than a line stays whole, so that it can be copied. */
function hanging(
  pieces: readonly string[],
  gap: string,
  width: { readonly first: number; readonly rest: number },
): readonly string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const piece of pieces) {
    const longer: string = line === undefined ? piece : `${line}${gap}${piece}`;
    if (line !== undefined && textWidth(longer) > (lines.length === 0 ? width.first : width.rest)) {
      lines.push(line);
      line = piece;
    } else {
      line = longer;
    }
  }
  return line === undefined ? lines : [...lines, line];
}
