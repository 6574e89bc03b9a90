import { deadlineSignal, linkSignals } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import { LashError } from "../model/errors.ts";
import type { Resource } from "../model/stack.ts";
import type { Failure } from "../recovery/failure.ts";
import { FailureError } from "../recovery/recover-once.ts";
import { inOrder, registerMembers } from "./adopt.ts";
import { bringUp } from "./bring-up.ts";
import type { StackContext } from "./context.ts";
import { dependencyFailure, failed } from "./failures.ts";
import { provideNetwork } from "./ground.ts";
import type { UpOptions } from "./handle.ts";
import { Images } from "./images.ts";
import { type Observation, observe } from "./observe.ts";
import { recovering } from "./recovery/operation.ts";
import { lookAtPorts } from "./recovery/port-situation.ts";
import type { StackRepair } from "./recovery/repairs.ts";
import { type BringUp, Roots, type UpRequest } from "./run.ts";
import type { Supervisor } from "./supervisor.ts";

/** What an `up` did so far, for its roll-back and its report. */
export interface Attempt {
  readonly before: Observation;
  readonly started: Set<string>;
  readonly replaced: Map<string, Engine>;
  readonly unanswered: Set<string>;
  readonly failures: Failure[];
  /** Those that were told as events. */
  readonly told: Set<Failure>;
}

export function newAttempt(before: Observation): Attempt {
  return {
    before,
    started: new Set(),
    replaced: new Map(),
    unanswered: new Set(),
    failures: [],
    told: new Set(),
  };
}

interface StartRequest extends UpRequest {
  readonly attempt: Attempt;
}

/**
 * Starts what was asked for. A host port that is taken concerns all of it: the stack moves to other ports as a whole,
 * once. Rejects with FailureError, whose failure came first, or with the abort's reason.
 */
export async function startAll(
  context: StackContext,
  supervisor: Supervisor,
  request: StartRequest,
): Promise<void> {
  const { attempt, options } = request;
  using linked = linkSignals(request.signal);
  using limit = deadlineSignal(linked.signal, options.timeoutMs ?? 2 ** 31 - 1, () =>
    upTimedOut(context, options),
  );
  const recovery = { spent: new Set<string>(), ended: limit.signal };
  let before = attempt.before;
  const former = new Set<string>();
  await recovering(context, {
    name: `start of stack "${context.stack.project}"`,
    signal: limit.signal,
    recovery,
    concerns: ({ code }) => code === "port-in-use",
    look: async (failure, signal) => ({
      ports: await lookAtPorts(context, failure, { chosen: namesOf(request), signal }),
    }),
    async apply(repair) {
      before = await observe(context.settings.engines, context.stack.project, { signal: limit.signal });
      // What was there before this `up` is treated as in any other: it waits until its successor is ready.
      const known = new Set(attempt.before.containers.map(({ facts }) => facts.id));
      for (const id of attempt.started) if (!known.has(id)) former.add(id);
      attempt.failures.length = 0;
      usePorts(context, repair);
      registerMembers(context);
    },
    async run(repaired) {
      const isRetry = repaired !== undefined;
      const signal = limit.signal;
      try {
        await startEach(context, supervisor, { ...request, signal, before, former, recovery, isRetry });
      } catch (error) {
        // What ends from here on, while the failure is looked at, ends on account of it.
        await supervisor.release([...namesOf(request)]);
        throw error;
      }
    },
  }).catch((error: unknown) => {
    if (error instanceof FailureError) tellAll(context, request, error.failure);
    throw error;
  });
}

/** What ended it, those that failed beside it, and those who waited in vain. */
function tellAll(context: StackContext, { attempt, select }: StartRequest, last: Failure): void {
  const { failures, told } = attempt;
  // As it came out of recovery: explained, and with what led to it.
  const at = failures.findIndex(({ subject, code }) => subject === last.subject && code === last.code);
  const former = failures[at];
  if (former !== undefined && !told.has(former)) failures[at] = last;
  for (const failure of failures) tell(context, attempt, failure);
  failDependents(context, select(), (failure) => {
    failures.push(failure);
    tell(context, attempt, failure);
  });
}

function tell({ board, bus }: StackContext, { told }: Attempt, failure: Failure): void {
  if (told.has(failure)) return;
  told.add(failure);
  board.set(failure.subject, { tag: "failed", failure });
  bus.emit({ type: "resource_failed", name: failure.subject, error: failure.message, failure });
}

function namesOf({ select }: UpRequest): ReadonlySet<string> {
  return new Set(select().map(({ name }) => name));
}

function usePorts(context: StackContext, repair: StackRepair): void {
  if (repair.name === "use-port-bundle" || repair.name === "use-free-port") context.usePorts(repair.choice);
}

/** It waits for nobody, and there is something of it to start. */
function isRoot({ dependsOn, kind }: Resource): boolean {
  return dependsOn.length === 0 && kind !== "external";
}

/** One task per resource; the first failure ends the others. */
async function startEach(
  context: StackContext,
  supervisor: Supervisor,
  request: StartRequest & Pick<BringUp, "before" | "former" | "recovery"> & { readonly isRetry: boolean },
): Promise<void> {
  const { attempt, options, ended, signal } = request;
  const { settings, board } = context;
  const resources = request.select();
  using limit = linkSignals(signal);
  const engine = settings.engines.container;
  const run: BringUp = {
    context,
    before: request.before,
    former: request.former,
    recovery: request.recovery,
    told: new Set(),
    started: attempt.started,
    replaced: attempt.replaced,
    unanswered: attempt.unanswered,
    roots: new Roots(resources.filter(isRoot).map(({ name }) => name)),
    early: [],
    images: engine === undefined ? undefined : new Images(engine, settings.identity),
    // Not cut short, as nothing that makes something is: the roll-back would look before the engine has it.
    network: provideNetwork(context, request.before, {
      recovery: request.recovery,
      signal: new AbortController().signal,
    }),
    signal: limit.signal,
    options: {
      build: options.build === true,
      pull: options.pull === true,
      forceRecreate: options.forceRecreate === true,
      noDependencies: options.noDependencies === true,
    },
  };
  run.network.catch(() => {});
  // What an earlier `up` or `stop` through the same handle left says nothing about this one.
  for (const { name } of resources) board.set(name, { tag: "pending" });
  let starting = true;
  const fail = (failure: Failure): void => {
    attempt.failures.push(failure);
    limit.abort(new Error("another resource failed"));
    // A taken port may yet be recovered from, and how a retry ended comes before what it ended with.
    if (failure.code !== "port-in-use" && !request.isRetry) tell(context, attempt, failure);
  };
  const tasks = resources.map(async (resource) => {
    try {
      await bringUp(run, resource);
      const later = ended(resource.name);
      supervisor.watch(resource.name, {
        failed: (failure) => (starting ? fail(failure) : later.failed(failure)),
        stopped: () => later.stopped(),
      });
    } catch (error) {
      // What the first failure or a cancel cut short did not fail itself.
      if (limit.signal.aborted && !(error instanceof FailureError)) return;
      fail(failed(resource.name, "create", error, context.mask).failure);
    } finally {
      run.roots.delete(resource.name);
    }
  });
  try {
    await Promise.all(tasks);
    await Promise.allSettled([run.network, ...run.early]);
    const [first] = attempt.failures;
    const final = attempt.failures.find(({ code }) => code !== "port-in-use" && code !== "dependency-failed");
    if (first !== undefined) throw new FailureError(final ?? first);
    signal.throwIfAborted();
  } finally {
    starting = false;
  }
}

/** Those who only waited hear why it was in vain, each after what it waited for. */
function failDependents(
  context: StackContext,
  resources: readonly Resource[],
  fail: (failure: Failure) => void,
): void {
  const chosen = new Set(resources.map(({ name }) => name));
  const waiting = new Set(["pending", "waiting", "pulling", "building"]);
  for (const { name, dependsOn } of inOrder(context.stack)) {
    if (!chosen.has(name) || !waiting.has(context.board.get(name).tag)) continue;
    for (const dependency of dependsOn) {
      const status = context.board.get(dependency.name);
      if (status.tag !== "failed") continue;
      fail(dependencyFailure(name, dependency.name, status.failure));
      break;
    }
  }
}

function upTimedOut(context: StackContext, options: UpOptions): LashError {
  const waiting = context.stack.resources
    .filter(({ name }) => !["ready", "completed"].includes(context.board.get(name).tag))
    .map(({ name }) => `"${name}" is ${context.board.get(name).tag}`);
  return new LashError(
    "timed-out",
    `Cannot bring "${context.stack.project}" up in ${(options.timeoutMs ?? 0) / 1000} s: ${waiting.join(", ")}`,
    { hint: "Allow more with --timeout, or look at the logs of the resource that is not ready" },
  );
}
