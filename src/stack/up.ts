import { abortable } from "../async/signals.ts";
import { LashError, messageOf } from "../model/errors.ts";
import { label } from "../model/labels.ts";
import type { Resource } from "../model/stack.ts";
import type { Failure } from "../recovery/failure.ts";
import { FailureError } from "../recovery/recover-once.ts";
import { registerMembers } from "./adopt.ts";
import type { StackContext } from "./context.ts";
import { allEngines } from "./engines.ts";
import type { UpResult } from "./handle.ts";
import { previousName } from "./names.ts";
import { type Observation, type Observed, observe } from "./observe.ts";
import { followPorts } from "./port-choice.ts";
import { rollBack } from "./roll-back.ts";
import type { UpRequest } from "./run.ts";
import { type Attempt, newAttempt, startAll } from "./start-all.ts";
import type { Supervisor } from "./supervisor.ts";
import { type Leftover, takeDown } from "./take-down.ts";

/** Time for removing what was replaced. */
const dropTimeoutMs = 30_000;

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
  context.reports = [];
  // Listening begins first and beside it: what is seen before it listens is looked at again.
  const listening = allEngines(context.settings.engines).map((engine) => context.watcher(engine).open);
  const before = await observe(context.settings.engines, context.stack.project, request);
  refuseElsewhere(context, before, request.options.adopt === true);
  followPorts(context, before);
  registerMembers(context);
  await abortable(Promise.all(listening), request.signal);
  await handleOrphans(context, before, request);
  const attempt = newAttempt(before);
  try {
    await startAll(context, supervisor, { ...request, attempt });
  } catch (error) {
    const { failures } = attempt;
    if (request.options.keep !== true) {
      await supervisor.release();
      const reason = failures.length > 0 ? "a resource failed" : "cancelled";
      context.bus.emit({ type: "stack_stopping", reason });
      const left = await rollBack(context, attempt, request);
      followPorts(context, before);
      context.bus.emit({ type: "stack_stopped" });
      tellLeftovers(context, left);
    }
    throw error instanceof FailureError ? failedError(context, error.failure, failures) : error;
  }
  supervisor.settleStart();
  const resources = request.select();
  await dropPrevious(context, attempt, resources);
  return finish(context, before, { resources, startedAt });
}

function finish(
  context: StackContext,
  before: Observation,
  { resources, startedAt }: { readonly resources: readonly Resource[]; readonly startedAt: number },
): UpResult {
  const tookMs = context.settings.clock.now() - startedAt;
  const names = resources.map(({ name }) => name);
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
    recoveries: [...context.reports],
  };
}

function failedError(context: StackContext, first: Failure, failures: readonly Failure[]): LashError {
  return new LashError("resource-failed", `Cannot bring "${context.stack.project}" up: ${first.message}`, {
    data: { failures, recoveries: [...context.reports] },
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
  { before, replaced }: Attempt,
  resources: readonly Resource[],
): Promise<void> {
  const chosen = new Set(resources.map(({ name }) => name));
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
