import type { ContainerFacts } from "../../engine/facts.ts";
import { label } from "../../model/labels.ts";
import type { StackContext } from "../context.ts";
import type { IdleNetwork, Namesake } from "./repairs.ts";

/** Who has the name of a container that could not be created. */
export async function lookAtNamesake(
  context: StackContext,
  container: string,
  signal: AbortSignal,
): Promise<Namesake | undefined> {
  const { engines, identity } = context.settings;
  const facts = await engines.container?.inspect(container, { signal });
  if (facts === undefined) return undefined;
  const ours =
    facts.labels[label.project] === identity.project &&
    facts.labels[label.manifest] === identity.manifestPath &&
    facts.labels[label.machine] === identity.machine;
  return { id: facts.id, name: facts.name, ours, atRest: isAtRest(facts, Date.now()) };
}

/** What was created a moment ago is about to be started: by an `up` of another user, whose lock is not seen. */
const settledMs = 60_000;

/** Whether nobody uses a container, now or in a moment. */
export function isAtRest({ state, createdAt }: ContainerFacts, nowMs: number): boolean {
  if (state === "created") return nowMs - Date.parse(createdAt ?? "") > settledMs;
  return state === "exited" || state === "dead";
}

/** Networks that Lash made on this machine, that nothing is connected to, and whose project has no container left. */
export async function lookForIdleNetworks(
  context: StackContext,
  signal: AbortSignal,
): Promise<readonly IdleNetwork[]> {
  const { engines, identity, whileUnheld } = context.settings;
  const engine = engines.container;
  if (engine?.networks === undefined || whileUnheld === undefined) return [];
  const own = { [label.project]: "", [label.machine]: identity.machine };
  // The lock of another user's stack is not seen from here, so only this user's networks count.
  const owned = { ...own, [label.user]: identity.user };
  const [networks, containers] = await Promise.all([
    engine.networks.list(owned, { signal }),
    engine.list(own, { signal }),
  ]);
  const inUse = new Set(containers.map(({ labels }) => labels[label.project]));
  return networks
    .map(({ id, name, labels, containers: connected }) => ({
      id,
      name,
      connected,
      project: labels[label.project] ?? "",
    }))
    .filter(
      ({ project, connected }) =>
        connected.length === 0 && !inUse.has(project) && project !== identity.project,
    )
    .map(({ id, name, project }) => ({ id, name, project }));
}
