import { label } from "../model/labels.ts";
import type { PortChoice, Stack } from "../model/stack.ts";
import type { StackContext } from "./context.ts";
import { readMovedPorts } from "./names.ts";
import type { Observation } from "./observe.ts";

/**
 * The host ports that what exists was made with: the newest container tells, for one that no port concerns is kept
 * through a change. Undefined when nothing exists.
 */
function portsInUse({ containers }: Pick<Observation, "containers">): PortChoice | undefined {
  const made = containers
    .filter(({ facts }) => facts.labels[label.oneOff] === undefined)
    .map(({ facts }) => ({ labels: facts.labels, at: Date.parse(facts.createdAt ?? "") || 0 }));
  const newest = made.reduce<(typeof made)[number] | undefined>(
    (best, each) => (best === undefined || each.at > best.at ? each : best),
    undefined,
  );
  if (newest === undefined) return undefined;
  return {
    bundle: newest.labels[label.bundle],
    moved: readMovedPorts(newest.labels[label.movedPorts] ?? ""),
  };
}

/** The ports that an `up` begins with; undefined: those the manifest begins with, or the only ones it has. Pure. */
export function portsToFollow(
  { bundles, recovery }: Pick<Stack, "bundles" | "recovery">,
  containers: Observation["containers"],
): PortChoice | undefined {
  if (bundles.length < 2 && recovery.ports !== "any-free") return undefined;
  const used = portsInUse({ containers });
  if (used === undefined) return undefined;
  const isDeclared = bundles.some(({ name }) => name === used.bundle);
  return {
    bundle: isDeclared ? used.bundle : bundles[0]?.name,
    moved: recovery.ports === "any-free" ? used.moved : new Map(),
  };
}

/** Stays on the ports that are in use, unless the manifest no longer has them; where nothing exists, the first ones. */
export function followPorts(context: StackContext, observation: Pick<Observation, "containers">): void {
  const { stack } = context;
  const choice = portsToFollow(stack, observation.containers) ?? {
    bundle: stack.bundles[0]?.name,
    moved: new Map<number, number>(),
  };
  if (!isSame(stack, choice)) context.usePorts(choice);
}

function isSame(stack: Stack, { bundle, moved }: PortChoice): boolean {
  if (stack.bundle !== bundle || stack.movedPorts.size !== moved.size) return false;
  return [...moved].every(([from, to]) => stack.movedPorts.get(from) === to);
}
