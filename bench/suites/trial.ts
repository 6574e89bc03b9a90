import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Contestant, Trial } from "../contestants/contestant.ts";
import type { Graph } from "../graphs/graph.ts";
import { sweepProject } from "../lib/sweep.ts";
import type { SuiteContext } from "./suite.ts";

let count = 0;

/** Gives `work` a project that nobody has used, and removes every trace of it afterwards, whatever happened. */
export async function withTrial<T>(
  { bed, observer }: SuiteContext,
  {
    graph,
    contestant,
    socket,
  }: { readonly graph: Graph; readonly contestant: Contestant; readonly socket?: string },
  work: (trial: Trial) => Promise<T>,
): Promise<T> {
  count += 1;
  const project = `bench${process.pid}x${count}`;
  const folder = join(bed.folder, project);
  await mkdir(folder);
  observer.reset();
  const trial: Trial = { graph, project, folder, socket: socket ?? bed.engine.socket };
  try {
    await contestant.prepare(trial);
    return await work(trial);
  } finally {
    await contestant.release(trial);
    await sweepProject(bed.client, project);
    await rm(folder, { recursive: true, force: true });
  }
}

/** The graph's node that a container of this project is; undefined for another project's. */
export function nodeOf(trial: Trial, container: string): string | undefined {
  if (!container.startsWith(trial.project)) return undefined;
  // project.node (Lash, floor) or project-node-1 (Compose).
  return container.slice(trial.project.length + 1).replace(/-1$/, "");
}
