import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { label } from "../model/labels.ts";
import type { Stack } from "../model/stack.ts";
import type { Observed } from "../stack/observe.ts";

/** Who a stack is: a project of a manifest on a machine. */
export interface Owner {
  readonly project: string;
  readonly manifestPath: string;
  readonly machine: string;
}

/** What carries the project's label, as an `up` sees it; from whichever manifest it was started. Pure. */
export function observedOf(
  engine: Engine,
  containers: readonly ContainerFacts[],
  project: string,
): readonly Observed[] {
  return containers.flatMap((facts) => {
    const resource = facts.labels[label.resource];
    return resource === undefined || facts.labels[label.project] !== project
      ? []
      : [{ engine, resource, facts }];
  });
}

/** The stack's native processes. Their engine is closed when this resolves: they are facts alone. */
export async function ownProcesses(stack: Stack, signal: AbortSignal): Promise<readonly Observed[]> {
  if (!stack.resources.some(({ kind }) => kind === "process")) return [];
  const directory = join(stack.directory, ".lash", "processes");
  // Opening it would make the folder.
  if (!existsSync(directory)) return [];
  const { openProcessEngine } = await import("../drivers/process/process-engine.ts");
  await using engine = await openProcessEngine({ directory });
  const found = await engine.list({ [label.project]: stack.project }, { signal });
  return observedOf(engine, found, stack.project);
}

/** Whether something is of this very stack: the rule by which `up` refuses to touch what it is not. Pure. */
export function isOf({ project, manifestPath, machine }: Owner, { labels }: ContainerFacts): boolean {
  return (
    labels[label.project] === project &&
    labels[label.manifest] === manifestPath &&
    labels[label.machine] === machine
  );
}

/** Something of the same project that another manifest or machine started: `up` refuses. Pure. */
export function elsewhereOf(owner: Owner, own: readonly Observed[]): ContainerFacts | undefined {
  return own.find(({ facts }) => !isOf(owner, facts))?.facts;
}
