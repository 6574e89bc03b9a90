import type { Resource, Stack } from "../model/stack.ts";

/** A stack's resources by name, and who needs whom. */
export interface StackIndex {
  readonly byName: ReadonlyMap<string, Resource>;
  /** Resources that a process depends on directly. */
  readonly neededByHost: ReadonlySet<string>;
}

// A memo of what is computed from an immutable stack: without it resolving all resources would cost their square.
const memo = new WeakMap<Stack, StackIndex>();

/** The stack's index, built at its first use. */
export function indexOf(stack: Stack): StackIndex {
  const known = memo.get(stack);
  if (known !== undefined) return known;
  const index = buildIndex(stack.resources);
  memo.set(stack, index);
  return index;
}

/** An index of these resources. */
export function buildIndex(resources: readonly Resource[]): StackIndex {
  const byName = new Map(resources.map((resource) => [resource.name, resource]));
  const neededByHost = new Set<string>();
  for (const { kind, dependsOn } of resources) {
    if (kind === "process") for (const { name } of dependsOn) neededByHost.add(name);
  }
  return { byName, neededByHost };
}
