import { abortable } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import type { Resource, Stack } from "../model/stack.ts";
import { type StackContext, unmarked } from "./context.ts";
import { allEngines, engineFor } from "./engines.ts";
import { statusOf } from "./list.ts";
import { containerName } from "./names.ts";
import { type Observation, observe } from "./observe.ts";
import { followPorts } from "./port-choice.ts";
import { resolve } from "./resolve.ts";

/** Resources so that each comes after what it depends on. The graph has no cycle: the manifest was checked. */
export function inOrder(stack: Stack): readonly Resource[] {
  const byName = new Map(stack.resources.map((resource) => [resource.name, resource]));
  const ordered = new Set<Resource>();
  // An own stack instead of recursion: a chain of 10 000 resources is a legal manifest.
  for (const root of stack.resources) {
    const path: { readonly resource: Resource; next: number }[] = [{ resource: root, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const dependency = top.resource.dependsOn[top.next];
      top.next += 1;
      if (dependency === undefined || ordered.has(top.resource)) {
        ordered.add(top.resource);
        path.pop();
        continue;
      }
      const target = byName.get(dependency.name);
      if (target !== undefined && !ordered.has(target)) path.push({ resource: target, next: 0 });
    }
  }
  return [...ordered];
}

/**
 * Makes members of all resources as far as their inputs are known before anything runs: outputs that do not depend on
 * what the engine chooses are known from then on.
 */
export function registerMembers(context: StackContext): void {
  for (const resource of inOrder(context.stack)) {
    if (context.members.has(resource.name)) continue;
    const resolution = resolve(context, resource);
    if (resolution.type === "deferred") continue;
    context.members.set(resource.name, { resource, resolved: resolution.resolved, running: undefined });
  }
}

/**
 * Makes members of what the engines have, so that outputs are known and supervision can begin. What this process knows
 * already is left as it is. `marks`: how much each engine's watcher had heard before the look. A resource whose inputs are not known (its dependency does not run) stays out.
 */
export function adoptMembers(
  context: StackContext,
  observation: Observation,
  marks: ReadonlyMap<Engine, number> = new Map(),
): void {
  followPorts(context, observation);
  context.networkId = observation.network?.id ?? context.networkId;
  const { stack, settings, members, board } = context;
  for (const resource of inOrder(stack)) {
    if (members.get(resource.name)?.running !== undefined) continue;
    const resolution = resolve(context, resource);
    if (resolution.type === "deferred") continue;
    const engine = engineFor(settings.engines, resource.kind);
    const name = containerName(stack.project, resource.name);
    const found = observation.containers.find((each) => each.facts.name === name);
    const running =
      engine === undefined || found === undefined
        ? undefined
        : { engine, facts: found.facts, mark: marks.get(engine) ?? unmarked };
    members.set(resource.name, { resource, resolved: resolution.resolved, running });
    if (board.get(resource.name).tag === "pending" && found !== undefined) {
      showFound(context, resource.name, found.facts);
    }
  }
}

/** Shows a resource as its container is found, where that is one of the states that stay. */
export function showFound(context: StackContext, name: string, facts: ContainerFacts): void {
  const { board } = context;
  const kind = context.resource(name)?.kind ?? "container";
  const status = statusOf(facts, kind);
  if (status === "ready") board.set(name, { tag: "ready", id: facts.id });
  else if (status === "running") board.set(name, { tag: "running", id: facts.id });
  else if (status === "completed") board.set(name, { tag: "completed" });
  else if (status === "stopped") board.set(name, { tag: "stopped" });
}

/** Adopts what the engines have now. Listens before it looks, so that the one look is enough. */
export async function adoptAll(context: StackContext, signal: AbortSignal): Promise<void> {
  const { engines } = context.settings;
  const watchers = allEngines(engines).map((engine) => context.watcher(engine));
  await abortable(Promise.all(watchers.map(({ open }) => open)), signal);
  const marks = new Map(watchers.map((watcher) => [watcher.engine, watcher.mark()]));
  adoptMembers(context, await observe(engines, context.stack.project, { signal }), marks);
}
