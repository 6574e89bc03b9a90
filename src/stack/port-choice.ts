import { label } from "../model/labels.ts";
import type { PortChoice, Stack } from "../model/stack.ts";
import type { StackContext } from "./context.ts";
import { readMovedPorts } from "./names.ts";
import type { Observation } from "./observe.ts";

/**
 * The host ports that what exists was made with: the newest container tells, for one that no port concerns is kept
 * through a change. Undefined when nothing exists.
 */
export function portsInUse({ containers }: Pick<Observation, "containers">): PortChoice | undefined {
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

/** Stays on the ports that are in use, unless the manifest no longer has them; where nothing exists, the first ones. */
export function followPorts(context: StackContext, observation: Pick<Observation, "containers">): void {
  const { stack } = context;
  if (stack.bundles.length < 2 && stack.recovery.ports !== "any-free") return;
  const used = portsInUse(observation) ?? {
    bundle: stack.bundles[0]?.name,
    moved: new Map<number, number>(),
  };
  const isDeclared = stack.bundles.some(({ name }) => name === used.bundle);
  const choice = {
    bundle: isDeclared ? used.bundle : stack.bundles[0]?.name,
    moved: stack.recovery.ports === "any-free" ? used.moved : new Map<number, number>(),
  };
  if (!isSame(stack, choice)) context.usePorts(choice);
}

function isSame(stack: Stack, { bundle, moved }: PortChoice): boolean {
  if (stack.bundle !== bundle || stack.movedPorts.size !== moved.size) return false;
  return [...moved].every(([from, to]) => stack.movedPorts.get(from) === to);
}
