import type { Failure, RecoveryReport, Repair } from "../../app/types.ts";
import { type Look, stepLines } from "./block.ts";
import { adviceLines, causeLines, failureLines } from "./failure.ts";
import { failureText } from "./holder.ts";
import { elapsed, plain } from "./text.ts";
import { sameFailure } from "./told.ts";

/** Addresses to open, "name url" each, where the reader does not have them yet. */
export interface RecoveredLook extends Look {
  readonly addresses: readonly string[];
}

/** A whole report, in the same lines in which its moments appear one by one. */
export function reportLines(report: RecoveryReport, look: RecoveredLook): readonly string[] {
  return [
    ...detectedLines(report.detected, look),
    ...(report.repair === undefined ? [] : repairLines(report.repair, look)),
    ...(report.outcome === "recovered" ? recoveredLines(report, look) : gaveUpLines(report, look)),
  ];
}

export function detectedLines(failure: Failure, look: Look): readonly string[] {
  return [...failureLines(failure, "detected", look), ...causeLines(failure, look)];
}

/** What is about to be done, and why it is safe. */
export function repairLines({ name, what, safe }: Repair, look: Look): readonly string[] {
  // A parenthesis at the end says it already: "(both probed free)".
  const why = safe === "" || what.endsWith(")") ? "" : ` (${safe})`;
  return stepLines({ mark: "-", word: "repair", code: name, text: plain(`${what}${why}`) }, look);
}

export function recoveredLines(report: RecoveryReport, look: RecoveredLook): readonly string[] {
  const text = look.addresses.length === 0 ? plain(report.operation) : look.addresses.map(plain);
  return [...retryLines(report, look), ...stepLines({ mark: "v", word: "recovered", code: "", text }, look)];
}

/** In place of what the reader has just seen whole: what it was that ended the retry. */
export function endedAgainLines(report: RecoveryReport, failure: Failure, look: Look): readonly string[] {
  const step = { mark: "x", word: "gave up", code: plain(failure.code), text: failureText(failure) } as const;
  return [...whyNot(report, look), ...retryLines(report, look), ...stepLines(step, look)];
}

/** Why there is no repair, or what became of it, and what the person can do. */
export function gaveUpLines(report: RecoveryReport, look: Look): readonly string[] {
  const final = report.failure ?? report.detected;
  return [
    ...whyNot(report, look),
    ...retryLines(report, look),
    ...(report.failure === undefined ? [] : secondFailure(report.failure, report.detected, look)),
    ...adviceLines(final, look),
    ...(final.code === "internal" ? [] : moreLines(final, look)),
  ];
}

function whyNot({ repair, because }: RecoveryReport, look: Look): readonly string[] {
  if (repair === undefined) {
    return stepLines({ mark: "x", word: "no repair", code: "", text: plain(because ?? "") }, look);
  }
  if (because !== undefined) {
    return stepLines({ mark: "x", word: "gave up", code: "", text: plain(because) }, look);
  }
  if (repair.outcome === "done") return [];
  return stepLines({ mark: "x", word: "repair", code: "failed", text: `${repair.name} did not work` }, look);
}

function retryLines({ retry, operation }: RecoveryReport, look: Look): readonly string[] {
  if (retry === undefined) return [];
  const worked = retry.outcome === "worked";
  const text = plain(`${operation}, ${worked ? "in" : "after"} ${elapsed(retry.tookMs)}`);
  return stepLines({ mark: worked ? "-" : "x", word: "retry 1/1", code: retry.outcome, text }, look);
}

function secondFailure(failure: Failure, detected: Failure, look: Look): readonly string[] {
  if (sameFailure(failure, detected)) {
    return stepLines({ mark: "x", word: "gave up", code: plain(failure.code), text: "the same again" }, look);
  }
  return [...failureLines(failure, "gave up", look), ...causeLines(failure, look, detected)];
}

function moreLines({ code }: Failure, look: Look): readonly string[] {
  return stepLines({ mark: "-", word: "more", code: "", text: `lash explain ${plain(code)}` }, look);
}
