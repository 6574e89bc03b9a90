import type { ImageFacts } from "../engine/facts.ts";
import type { ImageSource, Resource } from "../model/stack.ts";
import { inOrder } from "./adopt.ts";
import { currentOf } from "./bring-up.ts";
import type { StackContext } from "./context.ts";
import { identityLabels, networkName } from "./names.ts";
import type { Observation } from "./observe.ts";
import type { Plan, PlanStep, StepAction } from "./plan.ts";
import { decideResource } from "./reconcile.ts";
import { resolve } from "./resolve.ts";

/** What planning needs besides the stack: one look at the engines and the images that are present. */
export interface PlanInput {
  readonly context: StackContext;
  readonly observation: Observation;
  readonly resources: readonly Resource[];
  /** Facts by reference or tag; absent: not present. */
  readonly images: ReadonlyMap<string, ImageFacts>;
  readonly options: { readonly build: boolean; readonly pull: boolean; readonly forceRecreate: boolean };
}

/** The plan of an `up`. No engine call is made; what depends on an output that is not known yet is `converge`. */
export function planUp(input: PlanInput): Plan {
  const { context, observation } = input;
  const { project } = context.stack;
  const steps: PlanStep[] = [];
  const add = (step: Omit<PlanStep, "id">): number => {
    steps.push({ id: steps.length + 1, ...step });
    return steps.length;
  };
  const chosen = new Set(input.resources.map(({ name }) => name));
  const needsNetwork = input.resources.some(({ kind }) => kind !== "process" && kind !== "external");
  const network =
    needsNetwork &&
    observation.network === undefined &&
    context.settings.engines.container?.networks !== undefined
      ? add({
          action: "create-network",
          target: networkName(project),
          resource: undefined,
          because: "absent",
          needs: [],
          waits: [],
        })
      : undefined;
  const last = new Map<string, number>();
  const imageSteps = new Map<string, number>();
  for (const resource of inOrder(context.stack)) {
    if (!chosen.has(resource.name)) continue;
    const waits = resource.dependsOn
      .filter(({ name }) => chosen.has(name))
      .map(({ name, condition }) => `${name} ${condition}`);
    const before = resource.dependsOn.flatMap(({ name }) => last.get(name) ?? []);
    const step = { target: `resource ${resource.name}`, resource: resource.name, waits };
    const resolution = resolve(context, resource);
    if (resolution.type === "deferred") {
      const because = `decided once "${resolution.on.name}" has its "${resolution.on.property}"`;
      last.set(
        resource.name,
        add({ ...step, action: "converge", because, needs: sorted([...before, network]) }),
      );
      continue;
    }
    const { resolved, built } = resolution;
    if (built === undefined) {
      last.set(resource.name, add({ ...step, action: "keep", because: "runs elsewhere", needs: before }));
      continue;
    }
    const source = resolved.work.type === "container" ? resolved.work.image : undefined;
    const image = source === undefined ? undefined : input.images.get(referenceOf(source));
    const imageStep =
      source === undefined ? undefined : planImage(input, source, image, imageSteps, add, resource.name);
    const found = currentOf(observation, project, resource.name);
    const decision = decideResource(
      {
        kind: resource.kind,
        configHash: built.hash,
        imageId: imageStep === undefined ? (image?.id ?? "") : "",
        forceRecreate: input.options.forceRecreate,
        identity: identityLabels(context.settings.identity),
      },
      found,
    );
    const action: StepAction = decision.action;
    const needs = sorted([...before, action === "keep" ? undefined : network, imageStep]);
    const id = add({ ...step, action, because: decision.because, needs });
    const starts = action === "create" || action === "replace" || action === "recreate";
    last.set(
      resource.name,
      starts ? add({ ...step, action: "start", because: decision.because, needs: [id], waits: [] }) : id,
    );
    context.members.set(resource.name, {
      resource,
      resolved,
      running: context.members.get(resource.name)?.running,
    });
  }
  return { project, steps };
}

function planImage(
  input: PlanInput,
  source: ImageSource,
  present: ImageFacts | undefined,
  done: Map<string, number>,
  add: (step: Omit<PlanStep, "id">) => number,
  resource: string,
): number | undefined {
  const reference = referenceOf(source);
  const known = done.get(reference);
  if (known !== undefined) return known;
  const because = reasonToFetch(input, source, present);
  if (because === undefined) return undefined;
  const action = source.type === "pull" ? "pull" : "build";
  const id = add({ action, target: `image ${reference}`, resource, because, needs: [], waits: [] });
  done.set(reference, id);
  return id;
}

function reasonToFetch(
  input: PlanInput,
  source: ImageSource,
  present: ImageFacts | undefined,
): string | undefined {
  if (source.type === "build") {
    if (input.options.build) return "asked for";
    return present === undefined ? "absent" : undefined;
  }
  if (source.policy === "never") return undefined;
  if (input.options.pull) return "asked for";
  if (source.policy === "always") return "its pull policy is always";
  return present === undefined ? "absent" : undefined;
}

/** The reference an image is looked up by. */
export function referenceOf(source: ImageSource): string {
  return source.type === "pull" ? source.reference : source.tag;
}

function sorted(needs: readonly (number | undefined)[]): readonly number[] {
  return [...new Set(needs.filter((need) => need !== undefined))].sort((a, b) => a - b);
}
