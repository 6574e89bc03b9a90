import { nearest } from "../model/nearest.ts";
import { adviceFor } from "../recovery/advice.ts";
import { classifyText } from "../recovery/classify.ts";
import type { Failure, FailureCode } from "../recovery/failure.ts";
import { type Meaning, meanings } from "../recovery/meanings.ts";

/** What there is to say about one code. */
export interface FailurePage extends Meaning {
  readonly code: FailureCode;
}

/** What some words are about. */
export type Explanation =
  /** They are a code. */
  | { readonly type: "code"; readonly page: FailurePage }
  /** They are a text in which a known failure was recognised. */
  | { readonly type: "text"; readonly failure: Failure; readonly page: FailurePage }
  /** Neither; `nearest` holds codes that may have been meant. */
  | { readonly type: "unknown"; readonly nearest: readonly FailureCode[] };

/** Explains a code, or any text. Pure. */
export function explain(words: string): Explanation {
  const trimmed = words.trim();
  const code = asCode(trimmed.toLowerCase());
  if (code !== undefined) return { type: "code", page: pageOf(code) };
  const found = classifyText(words);
  if (found !== undefined) {
    return { type: "text", failure: { ...found, advice: adviceFor(found) }, page: pageOf(found.code) };
  }
  return { type: "unknown", nearest: nearestCodes(trimmed.toLowerCase()) };
}

function pageOf(code: FailureCode): FailurePage {
  return { code, ...meanings[code] };
}

function asCode(word: string): FailureCode | undefined {
  return codes().find((each) => each === word);
}

function codes(): readonly FailureCode[] {
  return Object.keys(meanings) as readonly FailureCode[];
}

/** Words of more than this many letters are no code mistyped. */
const longestGuess = 48;
const mostGuesses = 4;

/** The code this is a typing error of, then those that have its words in them: "port" finds every port-... */
function nearestCodes(text: string): readonly FailureCode[] {
  if (text === "" || text.length > longestGuess) return [];
  const all = codes();
  const parts = text.split(/[^a-z]+/).filter((part) => part.length > 2);
  const typed = nearest(parts.join("-"), all);
  const scored = all
    .map((code) => ({ code, score: code.split("-").filter((part) => parts.includes(part)).length }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
  const best = scored.filter(({ score }) => score === scored[0]?.score).map(({ code }) => code);
  const found = new Set([...all.filter((code) => code === typed), ...best]);
  return [...found].slice(0, mostGuesses);
}
