import type { Failure } from "../../app/types.ts";
import { type Look, stepLines, textIndent } from "./block.ts";
import { failureText } from "./holder.ts";
import { plain, wrap } from "./text.ts";
import { sameFailure } from "./told.ts";

/** What happened to a failed resource, in words: "detected" while recovery has still to decide. */
export type FailureWord = "failed" | "detected" | "gave up";

/** A failure as a block: word, code and sentence, the words it was recognised by where they say more, its log. */
export function failureLines(failure: Failure, word: FailureWord, look: Look): readonly string[] {
  const code = plain(failure.code);
  return [
    ...stepLines({ mark: "x", word, code, text: failureText(failure) }, look),
    ...quoted(evidenceOf(failure), look),
    ...quoted(failure.logTail ?? [], look),
  ];
}

/** The failures behind one, the nearest first, without those its own sentence already tells. */
export function causeLines(failure: Failure, look: Look, until?: Failure): readonly string[] {
  const { cause } = failure;
  if (cause === undefined || (until !== undefined && sameFailure(cause, until))) return [];
  const own = failure.message.includes(cause.message)
    ? []
    : stepLines({ mark: "-", word: "after", code: plain(cause.code), text: failureText(cause) }, look);
  return [...own, ...causeLines(cause, look, until)];
}

/** What a person can do about it: a sentence each, and the command to paste on a line of its own. */
export function adviceLines({ advice = [] }: Failure, look: Look): readonly string[] {
  const inset = textIndent(look);
  return advice.flatMap(({ text, command }, at) => [
    ...stepLines({ mark: "-", word: at === 0 ? "you can" : "", code: "", text: plain(text) }, look),
    ...(command ?? "")
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => `${inset}  ${look.paint.as("bold", plain(line))}`),
  ]);
}

/** Failures, the cause first, then what followed from it in one line each. */
export function failureReport(failures: readonly Failure[], look: Look): readonly string[] {
  const isConsequence = (failure: Failure): boolean => failure.code === "dependency-failed";
  const causes = failures.filter((each, at) => at === 0 || !isConsequence(each));
  const consequences = failures.filter((each) => !causes.includes(each));
  return [
    ...causes.flatMap((each) => [
      ...failureLines(each, "failed", look),
      ...causeLines(each, look),
      ...adviceLines(each, look),
    ]),
    ...consequences.flatMap((each) => consequenceLines(each, look)),
  ];
}

/** The sentence of a failure, without its cause's sentence at the end: that one has a block of its own. */
export function briefMessage({ message, cause }: Failure): string {
  const tail = cause === undefined || cause.message === "" ? "" : `: ${cause.message}`;
  return plain(tail !== "" && message.endsWith(tail) ? message.slice(0, -tail.length) : message);
}

function consequenceLines(failure: Failure, { paint, columns }: Look): readonly string[] {
  const message = briefMessage(failure);
  const named = message.includes(`"${failure.subject}"`)
    ? message
    : `"${plain(failure.subject)}": ${message}`;
  const lines = columns === undefined ? [named] : wrap(named, columns - 2);
  return lines.map((line, at) => `${at === 0 ? "- " : "  "}${paint.as("dim", line)}`);
}

/** Codes that name no cause: here the original words are all there is, so they are shown whole. */
const vague: ReadonlySet<Failure["code"]> = new Set([
  "start-failed",
  "stop-failed",
  "pull-failed",
  "build-failed",
  "port-binding-failed",
  "internal",
]);

function evidenceOf(failure: Failure): readonly string[] {
  const evidence = failure.evidence.trim();
  const unsaid = vague.has(failure.code) || failure.holder?.type === "unknown";
  if (evidence === "" || !unsaid || failureText(failure).includes(plain(evidence))) return [];
  return evidence.split(/\r?\n/);
}

function quoted(lines: readonly string[], { paint }: Look): readonly string[] {
  return lines.map((line) => paint.as("dim", `  | ${plain(line)}`));
}
