import { LashError } from "../model/errors.ts";
import { FailureError } from "../recovery/recover-once.ts";
import { type StackContext, unmarked } from "./context.ts";
import { startFailure } from "./failures.ts";
import type { DownOptions } from "./handle.ts";
import { containerName } from "./names.ts";
import { type Observed, observe } from "./observe.ts";
import { recovering } from "./recovery/operation.ts";
import { settle } from "./settle.ts";
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

/** Starts the container of a resource as one operation; what goes wrong in it is told, and nothing is undone. */
async function startAgain(context: StackContext, target: Observed, signal: AbortSignal): Promise<void> {
  const { board, bus } = context;
  const name = target.resource;
  try {
    await recovering(context, {
      name: `restart of "${name}"`,
      signal,
      recovery: { spent: new Set(), ended: signal },
      concerns: () => true,
      run: async () => startOnce(context, target, signal),
    });
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    const { failure } = error;
    board.set(name, { tag: "failed", failure });
    bus.emit({ type: "resource_failed", name, error: failure.message, failure });
    throw new LashError("resource-failed", `Cannot restart ${failure.message}`, {
      data: { failures: [failure] },
    });
  }
}

async function startOnce(
  context: StackContext,
  { engine, facts, resource }: Observed,
  signal: AbortSignal,
): Promise<void> {
  const member = context.members.get(resource);
  if (member === undefined) throw new Error(`unreachable: "${resource}" is not known`);
  const { board, bus, mask } = context;
  board.set(resource, { tag: "starting" });
  bus.emit({ type: "resource_starting", name: resource });
  try {
    await engine.start(facts.id, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new FailureError(await startFailure(resource, error, { engine, id: facts.id, mask }), error);
  }
  const now = (await look(context.watcher(engine), facts.id, signal)) ?? { facts, mark: unmarked };
  await settle(context, { ...member, engine, ...now }, { adopted: false, signal, existingData: true });
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
