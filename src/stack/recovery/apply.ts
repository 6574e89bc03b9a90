import type { StackContext } from "../context.ts";
import type { StackRepair } from "./repairs.ts";
import { isAtRest } from "./situation.ts";

const removeTimeoutMs = 30_000;

/** Makes a repair that concerns one operation. Rejects when it cannot be made after all. */
export async function applyRepair(
  context: StackContext,
  repair: StackRepair,
  signal: AbortSignal,
): Promise<void> {
  switch (repair.name) {
    case "replace-own-container":
      await removeContainer(context, repair.container);
      return;
    case "remove-own-networks":
      await removeNetworks(context, repair.networks);
      return;
    case "pull-again":
      await context.settings.clock.sleep(repair.afterMs, { signal });
      return;
    // What is done differently is done by the retry.
    case "use-local-image":
    case "use-port-bundle":
    case "use-free-port":
      return;
  }
}

async function removeContainer(context: StackContext, id: string): Promise<void> {
  const engine = context.settings.engines.container;
  const signal = AbortSignal.timeout(removeTimeoutMs);
  const now = await engine?.inspect(id, { signal });
  if (now === undefined) return;
  if (!isAtRest(now, Date.now())) throw new Error(`"${now.name}" runs by now`);
  await engine?.remove(id, { signal });
}

/** Each only while nobody holds its stack; an engine refuses to remove a network that is in use by now. */
async function removeNetworks(
  context: StackContext,
  networks: readonly { readonly id: string; readonly project: string }[],
): Promise<void> {
  const ability = context.settings.engines.container?.networks;
  const { whileUnheld } = context.settings;
  if (ability === undefined || whileUnheld === undefined) return;
  const signal = AbortSignal.timeout(removeTimeoutMs);
  const removed = await Promise.all(
    networks.map(
      async ({ id, project }) =>
        await whileUnheld(project, async () => await ability.remove(id, { signal })).catch(() => false),
    ),
  );
  if (!removed.includes(true)) throw new Error("the networks came into use meanwhile");
}
