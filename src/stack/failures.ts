import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { isLashError, messageOf } from "../model/errors.ts";
import { classify, type Evidence } from "../recovery/classify.ts";
import type { Failure } from "../recovery/failure.ts";
import { FailureError } from "../recovery/recover-once.ts";
import type { Mask } from "./mask.ts";
import type { Readiness } from "./readiness.ts";

/** Lines of a failed resource's output that are shown with its failure. */
const tailLines = 10;
/** Reading a tail must not hold up a failure's report. */
const tailTimeoutMs = 2000;

/** The failure behind any error, on its way up. */
export function failed(
  subject: string,
  during: Evidence["during"],
  error: unknown,
  mask: Mask,
): FailureError {
  return error instanceof FailureError
    ? error
    : new FailureError(refusedFailure(subject, during, error, mask), error);
}

/** The failure behind an engine call that was refused. */
export function refusedFailure(
  subject: string,
  during: Evidence["during"],
  error: unknown,
  mask: Mask,
): Failure {
  if (error instanceof FailureError) return error.failure;
  if (!isLashError(error)) {
    return { code: "internal", subject, message: `"${subject}": ${mask(messageOf(error))}`, evidence: "" };
  }
  switch (error.code) {
    case "engine-unreachable":
    case "engine-permission":
    case "engine-api-version":
    case "name-in-use": {
      const { network } = error.data;
      const text = mask(error.message);
      const named = { code: error.code, subject, message: `"${subject}": ${text}`, evidence: text };
      return typeof network === "string" ? { ...named, details: { name: network } } : named;
    }
  }
  const { message, status, output } = error.data;
  const failure = classify({
    subject,
    during,
    text: mask(typeof message === "string" ? message : error.message),
    status: typeof status === "number" ? status : undefined,
  });
  if (!Array.isArray(output)) return failure;
  return { ...failure, logTail: output.map((line) => mask(String(line))) };
}

/** The failure behind a start that was refused: what the engine keeps of it is better evidence than its answer. */
export async function startFailure(
  subject: string,
  error: unknown,
  { engine, id, mask }: { readonly engine: Engine; readonly id: string; readonly mask: Mask },
): Promise<Failure> {
  const refused = (): Failure => refusedFailure(subject, "start", error, mask);
  if (!isLashError(error) || error.code === "engine-unreachable") return refused();
  const facts = await engine
    .inspect(id, { signal: AbortSignal.timeout(tailTimeoutMs) })
    .catch(() => undefined);
  if (facts === undefined || facts.error === "") return refused();
  const { message, status } = error.data;
  return classify({
    subject,
    during: "start",
    text: mask(typeof message === "string" ? message : error.message),
    stateError: mask(facts.error),
    status: typeof status === "number" ? status : undefined,
    exitCode: facts.exitCode,
    oomKilled: facts.oomKilled,
  });
}

/** The failure behind a resource that ended or did not become ready, with the last lines it said. */
export async function readinessFailure(
  subject: string,
  readiness: Extract<Readiness, { type: "ended" | "timed-out" | "crash-loop" }>,
  context: {
    readonly engine: Engine;
    readonly id: string;
    readonly mask: Mask;
    readonly signal: AbortSignal;
    /** Whether an earlier run wrote its data. */
    readonly existingData: boolean;
  },
): Promise<Failure> {
  const logTail = await readTail(context);
  if (readiness.type === "ended") return exitFailure(subject, readiness.facts, { ...context, logTail });
  if (readiness.type === "crash-loop") {
    const end = exitFailure(subject, readiness.facts, { ...context, logTail });
    const times = readiness.facts.restartCount;
    const message = `"${subject}": crash loop, the engine restarted it ${times} times and it is not ready; ${end.message}`;
    return { ...end, code: "crash-loop", message };
  }
  const seconds = Math.round(readiness.afterMs / 100) / 10;
  const said = context.mask(readiness.output.trim());
  return {
    code: (await isUnhealthy(context)) ? "unhealthy" : "not-ready-in-time",
    subject,
    message: `"${subject}": not ready after ${seconds} s${said === "" ? "" : `, its check said: ${said}`}`,
    evidence: said,
    logTail,
  };
}

/** Whether the engine's own check, run often enough by now, says that it will not do. */
async function isUnhealthy({
  engine,
  id,
}: {
  readonly engine: Engine;
  readonly id: string;
}): Promise<boolean> {
  const facts = await engine
    .inspect(id, { signal: AbortSignal.timeout(tailTimeoutMs) })
    .catch(() => undefined);
  return facts?.health === "unhealthy";
}

/** The failure behind a container or process that ended. */
export function exitFailure(
  subject: string,
  facts: ContainerFacts | undefined,
  {
    logTail,
    mask,
    existingData,
  }: {
    readonly logTail: readonly string[];
    readonly mask: Mask;
    readonly existingData?: boolean | undefined;
  },
): Failure {
  if (facts === undefined) {
    return {
      code: "crashed",
      subject,
      message: `"${subject}": it was removed by somebody else`,
      evidence: "",
      logTail,
    };
  }
  return classify({
    subject,
    during: facts.startedAt === undefined ? "start" : "run",
    text: mask(facts.error),
    oomKilled: facts.oomKilled,
    exitCode: facts.exitCode,
    logTail,
    existingData,
  });
}

/** Last lines of output, masked; empty when they cannot be read. */
export async function readTail(context: {
  readonly engine: Engine;
  readonly id: string;
  readonly mask: Mask;
  readonly signal: AbortSignal;
}): Promise<readonly string[]> {
  const lines: string[] = [];
  const signal = AbortSignal.timeout(tailTimeoutMs);
  try {
    for await (const entry of context.engine.logs(context.id, { follow: false, tail: tailLines, signal })) {
      lines.push(context.mask(entry.text));
    }
  } catch (error) {
    // A tail is a courtesy: without it the failure itself still stands.
    if (!isLashError(error) && !signal.aborted) throw error;
  }
  return lines;
}

/** Failure of a resource whose dependency will not become ready. */
export function dependencyFailure(subject: string, dependency: string, cause: Failure): Failure {
  return {
    code: "dependency-failed",
    subject,
    message: `dependency "${dependency}" failed: ${cause.message}`,
    evidence: "",
    cause,
  };
}
