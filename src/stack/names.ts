import { label, labelSchema } from "../model/labels.ts";
import type { Dependency, Resource } from "../model/stack.ts";

/** Name of a resource's container. Neither part may hold a dot, so two stacks never share one. */
export function containerName(project: string, resource: string): string {
  return `${project}.${resource}`;
}

/** Name under which the container before a recreation waits until its successor is ready. */
export function previousName(project: string, resource: string): string {
  return `${project}.${resource}.previous`;
}

export function networkName(project: string): string {
  return `lash-${project}`;
}

/** Who a stack is: labels that every container, network and volume of it carries. */
export interface StackIdentity {
  readonly project: string;
  readonly manifestPath: string;
  readonly machine: string;
  /** Id of the user, as the system has it; "" where there are none. */
  readonly user: string;
  /** Version of Lash. */
  readonly version: string;
}

export function identityLabels(identity: StackIdentity): Record<string, string> {
  return {
    [label.schema]: labelSchema,
    [label.project]: identity.project,
    [label.manifest]: identity.manifestPath,
    [label.machine]: identity.machine,
    [label.version]: identity.version,
  };
}

/** Labels of a resource's container. Order and grace of a later `down` are read from them, manifest or not. */
export function resourceLabels(
  identity: StackIdentity,
  resource: Resource,
  facts: {
    readonly configHash: string;
    readonly stopGraceMs: number;
    readonly bundle: string | undefined;
    readonly movedPorts: ReadonlyMap<number, number>;
  },
): Record<string, string> {
  return {
    ...identityLabels(identity),
    [label.resource]: resource.name,
    [label.kind]: resource.kind,
    [label.configHash]: facts.configHash,
    [label.dependsOn]: resource.dependsOn.map((dependency) => dependency.name).join(","),
    [label.stopGrace]: String(facts.stopGraceMs),
    ...(facts.bundle === undefined ? {} : { [label.bundle]: facts.bundle }),
    ...(facts.movedPorts.size === 0 ? {} : { [label.movedPorts]: movedPortsText(facts.movedPorts) }),
  };
}

function movedPortsText(moved: ReadonlyMap<number, number>): string {
  return [...moved].map(([from, to]) => `${from}:${to}`).join(",");
}

/** The ports of a `lash.moved-ports` label; what is not a pair of ports is left out. */
export function readMovedPorts(text: string): ReadonlyMap<number, number> {
  const pairs = text.split(",").map((pair) => pair.split(":").map(Number));
  return new Map(
    pairs.flatMap(([from = 0, to = 0]) => (isPort(from) && isPort(to) ? [[from, to] as const] : [])),
  );
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= 65_535;
}

/**
 * Levels for stopping: whoever depends on others comes before them, whoever is not connected comes as early as it can.
 * Edges to names that are not there, and cycles (labels may say anything), are ignored.
 */
export function stopLevels(
  nodes: readonly { readonly name: string; readonly dependsOn: readonly (Dependency | string)[] }[],
): readonly (readonly string[])[] {
  const names = new Set(nodes.map((node) => node.name));
  const remaining = new Map<string, Set<string>>(nodes.map((node) => [node.name, new Set()]));
  for (const node of nodes) {
    for (const dependency of node.dependsOn) {
      const target = typeof dependency === "string" ? dependency : dependency.name;
      if (names.has(target) && target !== node.name) remaining.get(target)?.add(node.name);
    }
  }
  const levels: string[][] = [];
  while (remaining.size > 0) {
    const free = [...remaining].filter(([, dependents]) => dependents.size === 0).map(([name]) => name);
    const level = free.length > 0 ? free : [...remaining.keys()];
    for (const name of level) remaining.delete(name);
    for (const dependents of remaining.values()) for (const name of level) dependents.delete(name);
    levels.push(level);
  }
  return levels;
}
