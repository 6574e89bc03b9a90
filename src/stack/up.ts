import { abortable, deadlineSignal, linkSignals } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import { LashError, messageOf } from "../model/errors.ts";
import { label } from "../model/labels.ts";
import type { Resource } from "../model/stack.ts";
import type { Failure } from "../recovery/failure.ts";
import { inOrder, registerMembers } from "./adopt.ts";
import { bringUp } from "./bring-up.ts";
import type { StackContext } from "./context.ts";
import { allEngines } from "./engines.ts";
import { dependencyFailure, ResourceFailure, refusedFailure } from "./failures.ts";
import { prepareNetwork } from "./ground.ts";
import type { UpOptions, UpResult } from "./handle.ts";
import { Images } from "./images.ts";
import { previousName } from "./names.ts";
import { type Observation, type Observed, observe } from "./observe.ts";
import { rollBack } from "./roll-back.ts";
import type { BringUp } from "./run.ts";
import type { EndListener, Supervisor } from "./supervisor.ts";
import { type Leftover, takeDown } from "./take-down.ts";

/** Time for removing what was replaced. */
const dropTimeoutMs = 30_000;

/** Options with their defaults, and the resources already chosen. */
export interface UpRequest {
  readonly resources: readonly Resource[];
  readonly options: UpOptions;
  readonly signal: AbortSignal;
  readonly killSignal: AbortSignal;
  /** Hears of ends after the start. */
  readonly ended: (name: string) => EndListener;
}

/**
 * Brings resources up in parallel, each as soon as its dependencies allow. The supervisor takes over each one when it
 * is ready, so that a crash while others still start counts. On failure or abort everything this call made goes again.
 */
export async function up(
  context: StackContext,
  supervisor: Supervisor,
  request: UpRequest,
): Promise<UpResult> {
  const { clock } = context.settings;
  const startedAt = clock.now();
  // Listening begins first and beside it: what is seen before it listens is looked at again.
  const listening = allEngines(context.settings.engines).map((engine) => context.watcher(engine).open);
  const before = await observe(context.settings.engines, context.stack.project, request);
  refuseElsewhere(context, before, request.options.adopt === true);
  registerMembers(context);
  await abortable(Promise.all(listening), request.signal);
  await handleOrphans(context, before, request);
  const started = new Set<string>();
  const replaced = new Map<string, Engine>();
  const unanswered = new Set<string>();
  const failures: Failure[] = [];
  try {
    await runTasks(context, supervisor, request, { before, started, replaced, unanswered, failures });
  } catch (error) {
    if (request.options.keep !== true) {
      await supervisor.release();
      context.bus.emit({
        type: "stack_stopping",
        reason: failures.length > 0 ? "a resource failed" : "cancelled",
      });
      const left = await rollBack(context, { before, started, replaced, unanswered }, request);
      context.bus.emit({ type: "stack_stopped" });
      tellLeftovers(context, left);
    }
    throw error;
  }
  await dropPrevious(context, before, request, replaced);
  const tookMs = clock.now() - startedAt;
  const names = request.resources.map(({ name }) => name);
  context.bus.emit({ type: "stack_started", ready: names.length, total: names.length, took_ms: tookMs });
  return {
    ready: names,
    adopted: names.filter((name) => {
      const id = context.members.get(name)?.running?.facts.id;
      return before.containers.some(({ facts }) => facts.id === id);
    }),
    tookMs,
    addresses: names.flatMap((name) => {
      const url = context.shownUrl(name);
      return url === undefined ? [] : [{ name, url }];
    }),
  };
}

async function runTasks(
  context: StackContext,
  supervisor: Supervisor,
  { resources, options, signal, ended }: UpRequest,
  state: Pick<BringUp, "before" | "started" | "replaced" | "unanswered"> & { readonly failures: Failure[] },
): Promise<void> {
  const { settings, board, bus } = context;
  using linked = linkSignals(signal);
  using limit = deadlineSignal(linked.signal, options.timeoutMs ?? 2 ** 31 - 1, () =>
    upTimedOut(context, options),
  );
  const engine = settings.engines.container;
  const run: BringUp = {
    context,
    before: state.before,
    started: state.started,
    replaced: state.replaced,
    unanswered: state.unanswered,
    early: [],
    images: engine === undefined ? undefined : new Images(engine, settings.identity),
    // Not cut short, as nothing that makes something is: the roll-back would look before the engine has it.
    network: prepareNetwork(context, state.before, new AbortController().signal),
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
    state.failures.push(failure);
    board.set(failure.subject, { tag: "failed", failure });
    bus.emit({ type: "resource_failed", name: failure.subject, error: failure.message, failure });
    limit.abort(new Error("another resource failed"));
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
      if (limit.signal.aborted && !(error instanceof ResourceFailure)) return;
      fail(refusedFailure(resource.name, "create", error, context.mask));
    }
  });
  try {
    await Promise.all(tasks);
    await Promise.allSettled([run.network, ...run.early]);
    if (state.failures.length > 0) failDependents(context, resources, fail);
    const [first] = state.failures;
    if (first !== undefined) throw failedError(context, first, state.failures);
    signal.throwIfAborted();
    limit.signal.throwIfAborted();
  } finally {
    starting = false;
  }
  supervisor.settleStart();
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

function failedError(context: StackContext, first: Failure, failures: readonly Failure[]): LashError {
  return new LashError("resource-failed", `Cannot bring "${context.stack.project}" up: ${first.message}`, {
    data: { failures },
    hint: hintFor(first),
  });
}

/** What to look at: after roll-back the container and its whole log are gone. */
function hintFor(first: Failure): string {
  const ran = first.logTail !== undefined && first.logTail.length > 0;
  if (ran)
    return `To look around, leave everything as it is next time: lash up --keep, then lash logs ${first.subject}`;
  return `To look around, leave everything as it is next time: lash up --keep`;
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

/** The same project started from another manifest is another stack: its containers are not this one's to change. */
export function refuseElsewhere(context: StackContext, before: Observation, adopt: boolean): void {
  if (adopt) return;
  const { identity } = context.settings;
  const other = before.containers.find(
    ({ facts }) =>
      facts.labels[label.manifest] !== identity.manifestPath ||
      facts.labels[label.machine] !== identity.machine,
  );
  if (other === undefined) return;
  const manifest = other.facts.labels[label.manifest] ?? "another manifest";
  throw new LashError(
    "stack-elsewhere",
    `Cannot work on "${identity.project}": it was started from "${manifest}"`,
    {
      data: { project: identity.project, manifest, container: other.facts.name },
      hint: "Use another project name, stop the other stack, or take it over with `lash up --adopt`",
    },
  );
}

function tellLeftovers({ bus, mask }: StackContext, left: readonly Leftover[]): void {
  for (const { what, error } of left) {
    bus.emit({ type: "notice", message: `left behind: ${what}: ${mask(error)}`, hint: "Run `lash down`" });
  }
}

async function handleOrphans(context: StackContext, before: Observation, request: UpRequest): Promise<void> {
  const orphans = orphansOf(context, before);
  if (orphans.length === 0) return;
  if (request.options.removeOrphans === true) {
    const left = await takeDown(context, orphans, {
      graceMs: request.options.graceMs,
      killSignal: request.killSignal,
      remove: true,
    });
    tellLeftovers(context, left);
    return;
  }
  const names = orphans.map(({ facts }) => `"${facts.name}"`).join(", ");
  context.bus.emit({
    type: "notice",
    message: `the manifest no longer declares ${names}`,
    hint: "Remove with `lash up --remove-orphans`",
  });
}

/** Containers of this project whose resource the manifest does not declare. One-offs are somebody's work, not orphans. */
export function orphansOf(context: StackContext, observation: Observation): readonly Observed[] {
  return observation.containers.filter(
    ({ resource, facts }) => !context.isDeclared(resource) && facts.labels[label.oneOff] === undefined,
  );
}

/**
 * Once the new ones are ready, what they replaced goes. The stack is up by then: a cancel no longer undoes it, and what
 * cannot be removed is said and left to the next `up` or `down`.
 */
async function dropPrevious(
  context: StackContext,
  before: Observation,
  request: UpRequest,
  replaced: ReadonlyMap<string, Engine>,
): Promise<void> {
  const chosen = new Set(request.resources.map(({ name }) => name));
  const former = before.containers.filter(
    ({ facts, resource }) =>
      chosen.has(resource) && facts.name === previousName(context.stack.project, resource),
  );
  const previous = new Map([...former.map(({ engine, facts }) => [facts.id, engine] as const), ...replaced]);
  const signal = AbortSignal.timeout(dropTimeoutMs);
  try {
    await Promise.all([...previous].map(([id, engine]) => engine.remove(id, { signal })));
  } catch (error) {
    const message = `cannot remove what was replaced: ${context.mask(messageOf(error))}`;
    context.bus.emit({ type: "notice", message, hint: "The next `lash up` or `lash down` does" });
  }
}
