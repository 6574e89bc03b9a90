import { LashError } from "../model/errors.ts";
import type { Stack } from "../model/stack.ts";

/** The named resources, or undefined for all when none is named. Throws `resource-unknown` with those there are. */
export function knownResources(stack: Stack, names: readonly string[]): readonly string[] | undefined {
  if (names.length === 0) return undefined;
  const known = stack.resources.map((each) => each.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new LashError("resource-unknown", `Cannot find resource "${name}" in "${stack.project}"`, {
      data: { resource: name, known },
      hint: known.length === 0 ? undefined : `It has: ${known.join(", ")}`,
    });
  }
  return names;
}
