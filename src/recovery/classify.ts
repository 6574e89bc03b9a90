import type { Activity, Evidence } from "./evidence.ts";
import type { Failure, FailureCode } from "./failure.ts";
import { innermostCause, plainText } from "./normalise.ts";
import { type Recognised, recogniseLog, recogniseText } from "./recognise.ts";

export type { Evidence } from "./evidence.ts";

/** Kernel's SIGKILL: 128 + 9. */
const killed = 137;

/** Names what happened from the best evidence there is. Pure; never throws, whatever the text. */
export function classify(evidence: Evidence): Failure {
  const { subject, during, text, stateError = "", exitCode, logTail } = evidence;
  const recognised = recognise(evidence);
  const cause = recognised.words ?? innermostCause(stateError === "" ? text : stateError);
  const what = `"${subject}": ${words[during]}${reasonOf(evidence)}`;
  return {
    code: recognised.code,
    subject,
    message: cause === "" ? what : `${what}: ${cause}`,
    evidence: recognised.line ?? (text === "" ? stateError : text),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(logTail === undefined ? {} : { logTail }),
    ...(recognised.details === undefined ? {} : { details: recognised.details }),
  };
}

/** Names what a pasted text is about; undefined when the catalogue has nothing like it. */
export function classifyText(text: string): Failure | undefined {
  const found =
    recogniseText([text], "unknown") ??
    recogniseLog(plainText(text).split("\n"), { exitCode: 1, existingData: true });
  if (found === undefined) return undefined;
  return {
    code: found.code,
    subject: "",
    message: found.words,
    evidence: found.line ?? found.words,
    ...(found.details === undefined ? {} : { details: found.details }),
  };
}

interface Named {
  readonly code: FailureCode;
  readonly details?: Recognised["details"];
  readonly words?: string;
  readonly line?: string;
}

/** State before text, the engine's text before the application's, and last what was being done. */
function recognise(evidence: Evidence): Named {
  const { during, text, stateError = "", status, exitCode, logTail = [] } = evidence;
  if (evidence.oomKilled === true && (exitCode ?? killed) === killed) return { code: "out-of-memory" };
  const found = recogniseText([stateError, text], during);
  if (found !== undefined) return found;
  if (during === "run" || during === "readiness") {
    const said = recogniseLog(logTail, evidence);
    if (said !== undefined) return said;
  }
  if (during === "pull" && status === 404) return { code: "image-not-found" };
  // The exit codes of "not executable" and "not found", before anything of the container ran.
  const unexplained = text === "" && stateError === "";
  if (during === "start" && unexplained && (exitCode === 126 || exitCode === 127))
    return { code: "bad-entrypoint" };
  return { code: fallback[during] };
}

/** What the failure is called when nothing more is known than what was being done. */
const fallback: Readonly<Record<Activity, FailureCode>> = {
  pull: "pull-failed",
  build: "build-failed",
  create: "start-failed",
  start: "start-failed",
  readiness: "not-ready-in-time",
  run: "crashed",
  stop: "stop-failed",
  network: "start-failed",
  remove: "stop-failed",
  unknown: "start-failed",
};

const words: Readonly<Record<Activity, string>> = {
  pull: "its image could not be pulled",
  build: "its image could not be built",
  create: "its container could not be created",
  start: "it could not be started",
  readiness: "it did not become ready",
  run: "it ended",
  stop: "it could not be stopped",
  network: "its network could not be made",
  remove: "it could not be removed",
  unknown: "it failed",
};

function reasonOf({ during, oomKilled, exitCode }: Evidence): string {
  if (during !== "run" && during !== "readiness") return "";
  const exit = exitCode === undefined ? "" : ` with exit code ${exitCode}`;
  if (oomKilled !== true) return exit;
  return (exitCode ?? killed) === killed ? " (out of memory)" : `${exit} (a process in it was out of memory)`;
}
