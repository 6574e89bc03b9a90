import { backoffMs } from "../async/backoff.ts";
import type { Clock } from "../async/clock.ts";
import type { Semaphore } from "../async/semaphore.ts";
import { deadlineSignal } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { isLashError, LashError } from "../model/errors.ts";
import type { ResolvedResource } from "../model/stack.ts";
import { checkOnce, checkRemote } from "./check.ts";
import type { ProbeResult } from "./probe.ts";
import { probePeriodMs } from "./probe-period.ts";
import { crashLoopEnds } from "./restart-decision.ts";
import { until } from "./sight.ts";
import type { Watcher } from "./watcher.ts";

/** How waiting for readiness ended. */
export type Readiness =
  | { readonly type: "ready"; readonly facts: ContainerFacts }
  | { readonly type: "completed"; readonly facts: ContainerFacts }
  | { readonly type: "ended"; readonly facts: ContainerFacts | undefined }
  /** The engine restarts it again and again, as its restart policy says. */
  | { readonly type: "crash-loop"; readonly facts: ContainerFacts }
  | { readonly type: "timed-out"; readonly afterMs: number; readonly output: string };

export interface ReadinessContext {
  readonly engine: Engine;
  readonly watcher: Watcher;
  readonly clock: Clock;
  readonly resolved: ResolvedResource;
  readonly facts: ContainerFacts;
  /** How much had been heard of it when the facts were read; see watcher.ts. */
  readonly mark: number;
  readonly networkId: string | undefined;
  readonly execPermits: Semaphore;
  readonly signal: AbortSignal;
}

/**
 * Waits until a started resource is ready, ends, or has used its own budget. Whichever comes first decides: the check
 * runs beside a watch for the container's end, so that a crash is not taken for slowness.
 */
export async function awaitReady(context: ReadinessContext): Promise<Readiness> {
  const { resolved, clock, facts } = context;
  const startedAt = clock.now();
  const timeout = new LashError("timed-out", `Cannot wait longer for "${resolved.name}"`);
  using budget = deadlineSignal(context.signal, resolved.readyTimeoutMs, () => timeout);
  const { signal } = budget;
  let output = "";
  const checking = runCheck({ ...context, signal }, (text) => {
    output = text;
  }).then((): Readiness => ({ type: "ready", facts }));
  const loops = (now: ContainerFacts | undefined): boolean =>
    now !== undefined && now.restartCount - facts.restartCount >= crashLoopEnds;
  const ending = until(context.watcher, facts.id, (now) => hasEnded(now) || loops(now), {
    signal,
    clock,
    seen: { facts, mark: context.mark },
    trustGoodEnd: resolved.ready.type === "completed",
  }).then(
    (last): Readiness =>
      loops(last?.facts)
        ? { type: "crash-loop", facts: last?.facts ?? facts }
        : verdictOnEnd(resolved, last?.facts),
  );
  try {
    return await Promise.race([checking, ending]);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error !== timeout) throw error;
    return { type: "timed-out", afterMs: clock.now() - startedAt, output };
  } finally {
    budget.abort(new Error("readiness is decided"));
    await Promise.allSettled([checking, ending]);
  }
}

/** Waits until something Lash does not run answers, within the resource's own budget. */
export async function awaitExternal(
  context: Pick<ReadinessContext, "clock" | "resolved" | "signal">,
): Promise<{ readonly type: "ready" } | Extract<Readiness, { type: "timed-out" }>> {
  const { resolved, clock } = context;
  const { ready } = resolved;
  if (ready.type !== "tcp" && ready.type !== "http") return { type: "ready" };
  const startedAt = clock.now();
  const timeout = new LashError("timed-out", `Cannot wait longer for "${resolved.name}"`);
  using budget = deadlineSignal(context.signal, resolved.readyTimeoutMs, () => timeout);
  let output = "";
  try {
    await poll(
      () => checkRemote(ready, resolved, budget.signal),
      { clock, resolved, signal: budget.signal },
      (text) => {
        output = text;
      },
    );
    return { type: "ready" };
  } catch (error) {
    context.signal.throwIfAborted();
    if (error !== timeout) throw error;
    return { type: "timed-out", afterMs: clock.now() - startedAt, output };
  }
}

function hasEnded(facts: ContainerFacts | undefined): boolean {
  return facts === undefined || facts.state === "exited" || facts.state === "dead";
}

function verdictOnEnd(resolved: ResolvedResource, facts: ContainerFacts | undefined): Readiness {
  if (resolved.ready.type === "completed" && facts?.exitCode === 0) return { type: "completed", facts };
  return { type: "ended", facts };
}

async function runCheck(context: ReadinessContext, note: (output: string) => void): Promise<void> {
  const { ready } = context.resolved;
  switch (ready.type) {
    case "running":
      return;
    case "completed":
      await never(context.signal);
      return;
    case "log":
      await awaitLogLine(ready.pattern, context);
      return;
    case "tcp":
    case "http":
    case "exec":
    case "healthcheck":
      await poll(() => checkOnce(ready, context), context, note);
  }
}

async function poll(
  check: () => Promise<ProbeResult>,
  context: Pick<ReadinessContext, "clock" | "resolved" | "signal">,
  note: (output: string) => void,
): Promise<void> {
  const { clock, signal, resolved } = context;
  const startedAt = clock.now();
  for (;;) {
    const result = await check().catch((error: unknown) => {
      signal.throwIfAborted();
      if (isLashError(error)) return { type: "failed", output: error.message } as const;
      throw error;
    });
    if (result.type === "passed") return;
    note(result.output);
    await clock.sleep(probePeriodMs(clock.now() - startedAt, resolved.readyIntervalMs), { signal });
  }
}

async function awaitLogLine(
  pattern: string,
  { engine, facts, clock, signal }: ReadinessContext,
): Promise<void> {
  const expression = new RegExp(pattern, "u");
  for (let attempt = 1; ; attempt += 1) {
    try {
      for await (const entry of engine.logs(facts.id, { follow: true, since: facts.startedAt, signal })) {
        if (expression.test(entry.text)) return;
      }
      // The output ended without the line: the watch for the container's end says what happened.
      await never(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isLashError(error, "engine-unreachable")) throw error;
      await clock.sleep(backoffMs(attempt, logPause), { signal });
    }
  }
}

/** Pauses before a log is followed anew after the engine was away. */
const logPause = { firstMs: 100, maximumMs: 5000 };

async function never(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
