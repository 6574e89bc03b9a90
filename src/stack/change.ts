import { LashError } from "../model/errors.ts";
import { type StackContext, unmarked } from "./context.ts";
import { readinessFailure } from "./failures.ts";
import type { DownOptions } from "./handle.ts";
import { containerName } from "./names.ts";
import { type Observed, observe } from "./observe.ts";
import { awaitReady } from "./readiness.ts";
import { look } from "./sight.ts";
import { takeDown } from "./take-down.ts";

const neverAborted = new AbortController().signal;

/** Stops these resources' containers and keeps them. */
export async function stopResources(
  context: StackContext,
  names: readonly string[],
  options: DownOptions,
): Promise<void> {
  const targets = await containersOf(context, names, options.signal ?? neverAborted);
  const left = await takeDown(context, targets, {
    graceMs: options.graceMs,
    killSignal: options.killSignal ?? neverAborted,
    remove: false,
  });
  const [first] = left;
  if (first !== undefined) throw new LashError("stop-failed", `Cannot stop ${first.what}: ${first.error}`);
}

/** Stops and starts the same containers and waits until they are ready again. Dependents are left alone. */
export async function restartResources(
  context: StackContext,
  names: readonly string[],
  options: DownOptions,
): Promise<void> {
  const signal = options.signal ?? neverAborted;
  const targets = await containersOf(context, names, signal);
  const unknown = targets.find(({ resource }) => !context.members.has(resource));
  if (unknown !== undefined) {
    throw new LashError(
      "resource-failed",
      `Cannot restart "${unknown.resource}": an output that it reads is not known`,
      { hint: `Bring up what it depends on: lash up -d ${unknown.resource}` },
    );
  }
  await stopResources(context, names, options);
  const starts = await Promise.allSettled(targets.map((target) => startAgain(context, target, signal)));
  const refused = starts.find((each) => each.status === "rejected");
  if (refused !== undefined) throw refused.reason;
}

async function startAgain(
  context: StackContext,
  { engine, facts, resource }: Observed,
  signal: AbortSignal,
): Promise<void> {
  const member = context.members.get(resource);
  if (member === undefined) throw new Error(`unreachable: "${resource}" is not known`);
  const { board, bus, mask, settings } = context;
  board.set(resource, { tag: "starting" });
  bus.emit({ type: "resource_starting", name: resource });
  await engine.start(facts.id, { signal });
  const watcher = context.watcher(engine);
  const now = (await look(watcher, facts.id, signal)) ?? { facts, mark: unmarked };
  context.members.set(resource, { ...member, running: { engine, ...now } });
  board.set(resource, { tag: "running", id: facts.id });
  bus.emit({ type: "resource_started", name: resource, container_id: facts.id, adopted: false });
  const readiness = await awaitReady({
    engine,
    signal,
    ...now,
    resolved: member.resolved,
    watcher,
    clock: settings.clock,
    networkId: context.networkId,
    execPermits: context.execPermits(engine),
  });
  if (readiness.type === "ready") {
    board.set(resource, { tag: "ready", id: facts.id });
    bus.emit({
      type: "resource_ready",
      name: resource,
      container_id: facts.id,
      url: context.shownUrl(resource),
    });
    return;
  }
  if (readiness.type === "completed") {
    board.set(resource, { tag: "completed" });
    bus.emit({ type: "resource_completed", name: resource });
    return;
  }
  const failure = await readinessFailure(resource, readiness, { engine, id: facts.id, mask, signal });
  board.set(resource, { tag: "failed", failure });
  bus.emit({ type: "resource_failed", name: resource, error: failure.message, failure });
  throw new LashError("resource-failed", `Cannot restart ${failure.message}`, {
    data: { failures: [failure] },
  });
}

async function containersOf(
  context: StackContext,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly Observed[]> {
  const { project } = context.stack;
  const observation = await observe(context.settings.engines, project, { signal });
  return observation.containers.filter(
    ({ resource, facts }) => names.includes(resource) && facts.name === containerName(project, resource),
  );
}
