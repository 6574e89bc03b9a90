import type { Failure } from "../../app/types.ts";
import type { Paint } from "./paint.ts";
import { pad, plain, wrap } from "./text.ts";

export interface FailureLineOptions {
  readonly paint: Paint;
  /** Columns to wrap at; undefined: do not wrap. */
  readonly columns: number | undefined;
  /** "failed", or "detected" while recovery has still to decide. */
  readonly word: "failed" | "detected";
}

const wordColumns = 10;
const codeColumns = 15;
const indent = " ".repeat(2 + wordColumns + 1 + codeColumns + 1);
/** Below this many columns the message stands on lines of its own. */
const wideEnough = 72;

/** A failure as a block: word, code and message, then the last lines of the log. */
export function failureLines(
  failure: Failure,
  { paint, columns, word }: FailureLineOptions,
): readonly string[] {
  const mark = paint.as("red", "x");
  const code = plain(failure.code);
  const message = plain(failure.message);
  const head = `${mark} ${pad(word, wordColumns)} ${paint.as("bold", pad(code, codeColumns))}`;
  const fits = code.length <= codeColumns && (columns === undefined || columns >= wideEnough);
  const inset = fits ? indent : "  ";
  const lines = columns === undefined ? [message] : wrap(message, columns - inset.length);
  const block = fits
    ? [`${head} ${lines[0] ?? ""}`, ...lines.slice(1).map((line) => `${inset}${line}`)]
    : [head.trimEnd(), ...lines.map((line) => `${inset}${line}`)];
  return [...block, ...logTail(failure.logTail ?? [], paint)];
}

/** Failures, the cause first, then what followed from it in one line each. */
export function failureReport(
  failures: readonly Failure[],
  options: Omit<FailureLineOptions, "word">,
): readonly string[] {
  const isConsequence = (failure: Failure): boolean => failure.code === "dependency-failed";
  const causes = failures.filter((each, at) => at === 0 || !isConsequence(each));
  const consequences = failures.filter((each) => !causes.includes(each));
  return [
    ...causes.flatMap((each) => failureLines(each, { ...options, word: "failed" })),
    ...consequences.flatMap((each) => consequenceLines(each, options)),
  ];
}

function consequenceLines(
  failure: Failure,
  { paint, columns }: Omit<FailureLineOptions, "word">,
): readonly string[] {
  const message = plain(failure.message);
  const lines = columns === undefined ? [message] : wrap(message, columns - 2);
  return lines.map((line, at) => `${at === 0 ? "- " : "  "}${paint.as("dim", line)}`);
}

function logTail(lines: readonly string[], paint: Paint): readonly string[] {
  return lines.map((line) => paint.as("dim", `  | ${plain(line)}`));
}
