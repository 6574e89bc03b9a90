import { abortable } from "../async/signals.ts";
import type { ContainerFacts, ImageFacts } from "../engine/facts.ts";
import type { ResolvedResource, Resource } from "../model/stack.ts";
import { FailureError } from "../recovery/recover-once.ts";
import type { BuiltSpec } from "./build-spec.ts";
import type { StackContext } from "./context.ts";
import { engineForWork } from "./engines.ts";
import { dependencyFailure, failed } from "./failures.ts";
import { prepareImage } from "./get-image.ts";
import { prepareVolumes } from "./ground.ts";
import { type Created, create, make } from "./make.ts";
import { containerName, identityLabels, networkName } from "./names.ts";
import type { Observation } from "./observe.ts";
import { awaitExternal } from "./readiness.ts";
import { type Decision, decideResource } from "./reconcile.ts";
import { recovering } from "./recovery/operation.ts";
import type { StackRepair } from "./recovery/repairs.ts";
import { type Resolved, resolve } from "./resolve.ts";
import type { BringUp } from "./run.ts";
import { settle } from "./settle.ts";

/** Brings one resource up, from waiting for its dependencies to ready. Rejects with FailureError or the abort's reason. */
export async function bringUp(run: BringUp, resource: Resource): Promise<void> {
  const { context, signal } = run;
  const early = beginEarly(run, resource);
  await awaitDependencies(run, resource);
  early?.now();
  const { resolved, built } = resolveNow(context, resource);
  const engine = engineForWork(context.settings.engines, resolved.work.type);
  if (engine === undefined || built === undefined) {
    await operate(run, resource, async () => bringUpExternal(run, resource, resolved));
    return;
  }
  const image = await (early?.image ?? prepareImage(run, resource, resolved));
  await networkFor(run, resource);
  await operate(run, resource, async (repaired) => {
    await prepareVolumes(context, run.before, resolved.work, signal);
    // After a repair nothing is left of what was there before.
    const created = repaired === undefined ? await early?.created : undefined;
    const found =
      repaired === undefined ? currentOf(run.before, context.stack.project, resource.name) : undefined;
    signal.throwIfAborted();
    const decision = decide(run, { resource, built, image, found });
    context.members.set(resource.name, { resource, resolved, running: undefined });
    context.board.set(resource.name, { tag: "starting" });
    const sight = await make({ run, resource, engine, built, found, created }, decision);
    run.roots.delete(resource.name);
    const adopted = decision.action === "keep";
    await settle(
      context,
      { resource, resolved, engine, ...sight },
      { adopted, signal, existingData: hadData(run, resolved) },
    );
  });
}

/** A resource's start as one operation: what goes wrong in it is a failure, unless it was ended from outside. */
async function operate(
  run: BringUp,
  resource: Resource,
  work: (repaired: StackRepair | undefined) => Promise<void>,
): Promise<void> {
  const { context, signal, recovery } = run;
  await recovering(context, {
    name: `start of "${resource.name}"`,
    signal,
    recovery,
    async run(repaired) {
      try {
        await work(repaired);
      } catch (error) {
        if (!(error instanceof FailureError)) signal.throwIfAborted();
        throw failed(resource.name, "create", error, context.mask);
      }
    },
  });
}

/** The one who meets a failure of the network first tells it; for the others it is one of what they need. */
async function networkFor(run: BringUp, resource: Resource): Promise<void> {
  try {
    await run.network;
  } catch (error) {
    run.signal.throwIfAborted();
    const { failure } = failed(resource.name, "network", error, run.context.mask);
    if (!run.told.has(error)) {
      run.told.add(error);
      throw new FailureError({ ...failure, subject: resource.name }, error);
    }
    const network = networkName(run.context.stack.project);
    throw new FailureError(dependencyFailure(resource.name, network, failure), error);
  }
}

function decide(
  run: BringUp,
  wanted: {
    readonly resource: Resource;
    readonly built: BuiltSpec;
    readonly image: ImageFacts | undefined;
    readonly found: ContainerFacts | undefined;
  },
): Decision {
  return decideResource(
    {
      kind: wanted.resource.kind,
      configHash: wanted.built.hash,
      imageId: wanted.image?.id ?? "",
      forceRecreate: run.options.forceRecreate,
      identity: identityLabels(run.context.settings.identity),
    },
    wanted.found,
  );
}

interface Early {
  /** Its turn has come: the creation waits for nobody any more. */
  readonly now: () => void;
  readonly image: Promise<ImageFacts | undefined>;
  readonly created: Promise<Created | undefined>;
}

/**
 * What does not wait for dependencies: getting the image, and creating the container where everything it is made from
 * is known already. A creation is cheap, but on the way of a chain it adds up. It gives way to the starts of those who
 * wait for nobody: everything else waits for them.
 */
function beginEarly(run: BringUp, resource: Resource): Early | undefined {
  const { context } = run;
  const early = resolve(context, resource);
  if (early.type === "deferred") return undefined;
  const image = prepareImage(run, resource, early.resolved);
  const turn = Promise.withResolvers<void>();
  const ready = Promise.all([image, run.network, Promise.race([turn.promise, run.roots.gone])]);
  const created = createEarly(run, resource, early, ready);
  // Rejections are read where the results are needed; a dependency that fails first must not make these unhandled.
  image.catch(() => {});
  ready.catch(() => {});
  created.catch(() => {});
  run.early.push(created);
  return { image, created, now: turn.resolve };
}

async function createEarly(
  run: BringUp,
  resource: Resource,
  { resolved, built, open }: Resolved,
  ready: Promise<unknown>,
): Promise<Created | undefined> {
  const { context, before, signal } = run;
  const found = currentOf(before, context.stack.project, resource.name);
  if (open || found !== undefined || built === undefined || resolved.work.type !== "container")
    return undefined;
  const engine = engineForWork(context.settings.engines, "container");
  if (engine === undefined) return undefined;
  await abortable(ready, signal);
  await prepareVolumes(context, before, resolved.work, signal);
  using _permit = await context.actions.acquire(signal);
  return await create({ run, resource, engine, built, found, created: undefined });
}

async function awaitDependencies(run: BringUp, resource: Resource): Promise<void> {
  const { context, signal } = run;
  const { board, bus } = context;
  const waits = run.options.noDependencies
    ? resource.dependsOn.filter(({ name }) => board.get(name).tag !== "pending")
    : resource.dependsOn;
  const open = new Set(waits.map(({ name }) => name));
  const tell = (): void => {
    if (open.size === 0) return;
    const { tag } = board.get(resource.name);
    if (tag === "pulling" || tag === "building") return;
    board.set(resource.name, { tag: "waiting", on: [...open] });
  };
  if (open.size > 0) bus.emit({ type: "resource_waiting", name: resource.name, on: [...open] });
  tell();
  await Promise.all(
    waits.map(async ({ name, condition }) => {
      const verdict = await board.waitFor(name, condition, signal);
      if (verdict.type === "never") {
        throw new FailureError(dependencyFailure(resource.name, name, verdict.failure));
      }
      open.delete(name);
      tell();
    }),
  );
}

function resolveNow(
  context: StackContext,
  resource: Resource,
): { readonly resolved: ResolvedResource; readonly built: BuiltSpec | undefined } {
  const result = resolve(context, resource);
  if (result.type === "resolved") return result;
  const { name, property } = result.on;
  throw new FailureError({
    code: "dependency-failed",
    subject: resource.name,
    message: `"${resource.name}": "${name}" has no value for "${property}"`,
    evidence: "",
  });
}

async function bringUpExternal(run: BringUp, resource: Resource, resolved: ResolvedResource): Promise<void> {
  const { context, signal } = run;
  const { name } = resource;
  context.members.set(name, { resource, resolved, running: undefined });
  context.board.set(name, { tag: "starting" });
  const readiness = await awaitExternal({ resolved, signal, clock: context.settings.clock });
  if (readiness.type === "timed-out") {
    const seconds = Math.round(readiness.afterMs / 100) / 10;
    const said = context.mask(readiness.output);
    throw new FailureError({
      code: "not-ready-in-time",
      subject: name,
      message: `"${name}": not reachable after ${seconds} s, ${said}`,
      evidence: said,
    });
  }
  context.board.set(name, { tag: "ready", id: "" });
  context.bus.emit({ type: "resource_ready", name, container_id: "", url: context.shownUrl(name) });
}

/** Whether a volume of it was there before this `up`. */
function hadData({ before }: BringUp, { work }: ResolvedResource): boolean {
  return work.type === "container" && before.volumes.some(({ name }) => work.volumes.includes(name));
}

/** The container of a resource under its own name. */
export function currentOf(
  before: Observation,
  project: string,
  resource: string,
): ContainerFacts | undefined {
  const name = containerName(project, resource);
  return before.containers.find((each) => each.resource === resource && each.facts.name === name)?.facts;
}
