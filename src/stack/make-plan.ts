import type { ImageFacts } from "../engine/facts.ts";
import type { Resource } from "../model/stack.ts";
import { adoptMembers } from "./adopt.ts";
import type { StackContext } from "./context.ts";
import type { UpOptions } from "./handle.ts";
import { observe } from "./observe.ts";
import type { Plan } from "./plan.ts";
import { planUp, referenceOf } from "./plan-up.ts";
import { resolve } from "./resolve.ts";
import { refuseElsewhere } from "./up.ts";

/** Looks at the engines and plans. Reads only. */
export async function makePlan(
  context: StackContext,
  select: () => readonly Resource[],
  options: UpOptions,
): Promise<Plan> {
  const signal = options.signal ?? new AbortController().signal;
  const observation = await observe(context.settings.engines, context.stack.project, { signal });
  refuseElsewhere(context, observation, options.adopt === true);
  adoptMembers(context, observation);
  const resources = select();
  const images = await inspectImages(context, resources, signal);
  return planUp({
    context,
    observation,
    resources,
    images,
    options: {
      build: options.build === true,
      pull: options.pull === true,
      forceRecreate: options.forceRecreate === true,
    },
  });
}

async function inspectImages(
  context: StackContext,
  resources: readonly Resource[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ImageFacts>> {
  const references = new Set<string>();
  for (const resource of resources) {
    const resolution = resolve(context, resource);
    if (resolution.type === "resolved" && resolution.resolved.work.type === "container") {
      references.add(referenceOf(resolution.resolved.work.image));
    }
  }
  const found = new Map<string, ImageFacts>();
  await Promise.all(
    [...references].map(async (reference) => {
      const facts = await context.settings.engines.container?.images?.inspect(reference, { signal });
      if (facts !== undefined) found.set(reference, facts);
    }),
  );
  return found;
}
