import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { isLashError, LashError } from "../model/errors.ts";
import { label } from "../model/labels.ts";
import type { Resource } from "../model/stack.ts";
import { FailureError } from "../recovery/recover-once.ts";
import type { BuiltSpec } from "./build-spec.ts";
import { canonicalJson } from "./config-hash.ts";
import { unmarked } from "./context.ts";
import { refusedFailure, startFailure } from "./failures.ts";
import { previousName } from "./names.ts";
import type { Decision } from "./reconcile.ts";
import type { BringUp } from "./run.ts";
import { look, type Sight } from "./sight.ts";

/** A resource about to be made. */
export interface Target {
  readonly run: BringUp;
  readonly resource: Resource;
  readonly engine: Engine;
  readonly built: BuiltSpec;
  readonly found: ContainerFacts | undefined;
  /** A container that was created for it ahead of time. */
  readonly created: Created | undefined;
}

/** A container that was created and not started yet, and what it was made from. */
export interface Created {
  readonly id: string;
  readonly built: BuiltSpec;
}

/** Performs the decision. Engine calls that make something are not cut short: what they made must be known. */
export async function make(target: Target, decision: Decision): Promise<Sight> {
  const { run, resource, engine, found } = target;
  const { mask } = run.context;
  if (decision.action === "keep" && found !== undefined) return { facts: found, mark: unmarked };
  const during = decision.action === "start" ? "start" : "create";
  try {
    const id = await started(target, decision);
    run.signal.throwIfAborted();
    const sight = await look(run.context.watcher(engine), id, run.signal);
    if (sight === undefined) throw new LashError("engine-not-found", `Cannot inspect "${id}": it is gone`);
    return sight;
  } catch (error) {
    run.signal.throwIfAborted();
    throw new FailureError(refusedFailure(resource.name, during, error, mask), error);
  }
}

/** Makes room, creates and starts, within one permit: what comes after must not keep others from starting. */
async function started(target: Target, decision: Decision): Promise<string> {
  const { run, resource, found } = target;
  using _permit = await run.context.actions.acquire(run.signal);
  run.context.bus.emit({ type: "resource_starting", name: resource.name });
  if (decision.action === "start" && found !== undefined) return await start(target, found.id);
  if (found !== undefined && run.former.has(found.id)) await discard(target, found);
  else if (found !== undefined) await makeRoom(target, found, decision);
  return await start(target, await createdFor(target));
}

async function makeRoom(
  { run, resource, engine }: Target,
  found: ContainerFacts,
  decision: Decision,
): Promise<void> {
  const signal = unhurried();
  const { project } = run.context.stack;
  if (decision.action === "replace") {
    await engine.remove(found.id, { signal });
    return;
  }
  const name = previousName(project, resource.name);
  // Left by an `up` that was killed: what ran last is what a roll-back brings back.
  const older = run.before.containers.find(({ facts }) => facts.name === name);
  if (older !== undefined) await engine.remove(older.facts.id, { signal });
  // Noted first: whatever is refused from here on, a roll-back makes it run again.
  run.replaced.set(found.id, engine);
  await engine.stop(found.id, { signal, graceMs: graceOf(found) });
  await engine.rename(found.id, { signal, name });
}

/** What this very `up` made for other ports: nobody else knows it, so nothing of it has to wait for a successor. */
async function discard({ engine }: Target, found: ContainerFacts): Promise<void> {
  const signal = unhurried();
  await engine.stop(found.id, { signal, graceMs: graceOf(found) });
  await engine.remove(found.id, { signal });
}

function graceOf({ labels }: ContainerFacts): number {
  return Number(labels[label.stopGrace] ?? 10_000);
}

/** What was created ahead of time, if it is still what is wanted. */
async function createdFor(target: Target): Promise<string> {
  const { engine, created, built } = target;
  if (created !== undefined) {
    if (canonicalJson(created.built.spec) === canonicalJson(built.spec)) return created.id;
    await engine.remove(created.id, { signal: unhurried() });
  }
  return (await create(target)).id;
}

/** Creates the container or process, without starting it. */
export async function create(target: Target): Promise<Created> {
  const { run, resource, engine, built } = target;
  const { environment } = run.context.settings;
  const spec =
    resource.kind === "process" ? { ...built.spec, env: { ...environment, ...built.spec.env } } : built.spec;
  try {
    const { id } = await engine.create(spec, { signal: unhurried() });
    run.started.add(id);
    run.signal.throwIfAborted();
    return { id, built };
  } catch (error) {
    if (isLashError(error, "engine-unreachable")) run.unanswered.add(spec.name);
    run.signal.throwIfAborted();
    throw new FailureError(refusedFailure(resource.name, "create", error, run.context.mask), error);
  }
}

async function start({ run, resource, engine }: Target, id: string): Promise<string> {
  run.started.add(id);
  try {
    await engine.start(id, { signal: unhurried() });
  } catch (error) {
    const failure = await startFailure(resource.name, error, { engine, id, mask: run.context.mask });
    throw new FailureError(failure, error);
  }
  return id;
}

/** For calls whose effect must be known even if the person has lost patience: bounded by the driver's deadline alone. */
function unhurried(): AbortSignal {
  return new AbortController().signal;
}
