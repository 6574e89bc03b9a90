import type { Activity, Evidence } from "./evidence.ts";
import type { FailureCode, FailureDetails } from "./failure.ts";
import { innermostCause, plainText, type Reading, readings } from "./normalise.ts";
import { logRules, rules } from "./rules/all.ts";
import type { LogRule, Rule } from "./rules/rule.ts";

/** A known cause, found in a text. */
export interface Recognised {
  readonly code: FailureCode;
  readonly details: FailureDetails | undefined;
  /** What it was recognised by, for people: one line, no full stop. */
  readonly words: string;
  /** The same as it was written, where it is a line of output. */
  readonly line?: string;
}

const maxLogLines = 200;
const maxLogLine = 2000;

/** The first rule that fits any reading of the texts; the texts are of the engine, best evidence first. */
export function recogniseText(texts: readonly string[], during: Activity): Recognised | undefined {
  const candidates = texts.flatMap(readings);
  if (candidates.length === 0) return undefined;
  for (const rule of rules) {
    if (rule.during?.includes(during) === false) continue;
    for (const reading of candidates) {
      if (!isUnder(rule, reading)) continue;
      const match = rule.pattern.exec(reading.cause);
      if (match === null) continue;
      return {
        code: rule.code,
        details: detailsOf(rule, reading, match),
        words: reading.words === "" ? reading.text : reading.words,
      };
    }
  }
  return undefined;
}

/** What an application or its runtime said at the end. */
export function recogniseLog(
  lines: readonly string[],
  known: Pick<Evidence, "exitCode" | "existingData">,
): Recognised | undefined {
  const plain = lines
    .slice(-maxLogLines)
    .map((line) => plainText(line).slice(0, maxLogLine).trim())
    .filter((line) => line !== "");
  for (const rule of logRules) {
    if (!applies(rule, known)) continue;
    const found = plain.findLast(
      (line, at) => (rule.last !== true || at === plain.length - 1) && rule.pattern.test(line),
    );
    if (found !== undefined)
      return { code: rule.code, details: undefined, words: innermostCause(found), line: found };
  }
  return undefined;
}

function isUnder({ under, and }: Rule, { around }: Reading): boolean {
  if (and !== undefined && !around.has(and)) return false;
  return under === undefined || under.some((layer) => around.has(layer));
}

function applies(rule: LogRule, known: Pick<Evidence, "exitCode" | "existingData">): boolean {
  if (rule.needsExistingData === true && known.existingData !== true) return false;
  return rule.exitCode === undefined || rule.exitCode === known.exitCode;
}

function detailsOf(rule: Rule, reading: Reading, match: RegExpExecArray): FailureDetails | undefined {
  const { image = reading.image, name, path } = match.groups ?? {};
  const details: FailureDetails = {
    ...(image === undefined ? {} : { image }),
    ...(name === undefined ? {} : { name }),
    ...(path === undefined ? {} : { path }),
    ...rule.read?.(reading, match),
  };
  return Object.keys(details).length === 0 ? undefined : details;
}
