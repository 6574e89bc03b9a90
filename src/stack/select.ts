import { selectResources } from "../manifest/graph.ts";
import type { Resource, Stack } from "../model/stack.ts";

/** The resources an operation works on: those named and, unless declined, what they need; default all. */
export function selectForUp(
  stack: Stack,
  options: {
    readonly resources?: readonly string[] | undefined;
    readonly noDependencies?: boolean | undefined;
  },
): readonly Resource[] {
  const names = options.resources ?? [];
  if (names.length === 0) return stack.resources;
  return selectResources(stack, names, [], { withDependencies: options.noDependencies !== true }).resources;
}
