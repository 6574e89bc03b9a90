import { messageOf } from "../../model/errors.ts";
import type { Failure } from "../../recovery/failure.ts";
import { FailureError } from "../../recovery/recover-once.ts";
import type { StackContext } from "../context.ts";
import type { StackRepair } from "./repairs.ts";

const removeTimeoutMs = 30_000;

/** Makes a repair that concerns one operation. Rejects with FailureError when it cannot be made after all. */
export async function applyRepair(
  context: StackContext,
  repair: StackRepair,
  { failure, signal }: { readonly failure: Failure; readonly signal: AbortSignal },
): Promise<void> {
  switch (repair.name) {
    case "replace-own-container":
      await orFail(context, failure, async () => removeContainer(context, repair.container));
      return;
    case "remove-own-networks":
      await orFail(context, failure, async () => removeNetworks(context, repair.networks));
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
  if (now?.state === "running" || now?.state === "paused") throw new Error(`"${now.name}" runs by now`);
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

async function orFail(context: StackContext, failure: Failure, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const why = context.mask(messageOf(error));
    const message = `"${failure.subject}": the repair could not be made: ${why}`;
    throw new FailureError({ code: "internal", subject: failure.subject, message, evidence: "" }, error);
  }
}
