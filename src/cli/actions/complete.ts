import type { Context } from "../context.ts";
import { readNamedStack } from "../stack-source.ts";

/** Names for shell completion, one a line. Says nothing where it knows nothing: it runs while a person types. */
export async function complete(context: Context): Promise<number> {
  try {
    const stack = await readNamedStack(context);
    await context.output.data(stack.resources.map((each) => `${each.name}\n`).join(""));
  } catch {
    return 0;
  }
  return 0;
}
