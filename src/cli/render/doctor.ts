import type { Check, DoctorReport, Failure } from "../../app/types.ts";
import type { Look } from "./block.ts";
import { adviceLines, causeLines, failureLines } from "./failure.ts";
import type { Style } from "./paint.ts";
import { pad, plain, wrap } from "./text.ts";

const marks: Readonly<
  Record<Check["outcome"], { readonly mark: string; readonly style: Style | undefined }>
> = {
  ok: { mark: "v", style: "green" },
  problem: { mark: "x", style: "red" },
  note: { mark: "!", style: "yellow" },
  skipped: { mark: "-", style: "dim" },
};

const nameColumns = 14;
const inset = " ".repeat(2 + nameColumns + 1);
const narrowest = 30;

/** A line per check, then every problem as a block, then what it comes to. */
export function doctorLines({ checks, verdict }: DoctorReport, look: Look): readonly string[] {
  const problems = checks.flatMap((check) => check.problems);
  const blocks = problems.map((failure) => [
    ...failureLines(failure, "detected", look),
    ...placesTried(failure, look),
    ...causeLines(failure, look),
    ...adviceLines(failure, look),
  ]);
  return [
    ...checks.flatMap((check) => checkLines(check, look)),
    ...blocks.flatMap((lines) => ["", ...lines]),
    "",
    conclusion(verdict, problems.length, look),
  ];
}

/** Where an engine was looked for, a line each. */
function placesTried({ code, evidence }: Failure, { paint }: Look): readonly string[] {
  if (!code.startsWith("engine-") || evidence === "") return [];
  return evidence.split("\n").map((line) => paint.as("dim", `  | ${plain(line)}`));
}

function checkLines({ name, outcome, said }: Check, { paint, columns }: Look): readonly string[] {
  const { mark, style } = marks[outcome];
  const text = plain(outcome === "skipped" ? `not checked: ${said}` : said);
  const room = columns === undefined ? undefined : Math.max(narrowest, columns - inset.length);
  const [first = "", ...rest] = room === undefined ? [text] : wrap(text, room);
  const painted = style === undefined ? mark : paint.as(style, mark);
  const tell = (line: string): string => (outcome === "skipped" ? paint.as("dim", line) : line);
  return [
    `${painted} ${pad(name, nameColumns)} ${tell(first)}`,
    ...rest.map((line) => `${inset}${tell(line)}`),
  ];
}

function conclusion(verdict: DoctorReport["verdict"], count: number, { paint }: Look): string {
  switch (verdict) {
    case "ready":
      return `${paint.as("green", "v")} nothing was found that would stop \`lash up\``;
    case "no-engine":
      return `${paint.as("red", "x")} the engine cannot be used; nothing else is wrong`;
    case "trouble":
      return `${paint.as("red", "x")} ${count === 1 ? "1 problem" : `${count} problems`} that would stop \`lash up\``;
  }
}
