import { isLashError, LashError } from "../model/errors.ts";
import { label } from "../model/labels.ts";
import type { Resource, Work } from "../model/stack.ts";
import type { StackContext } from "./context.ts";
import { failed } from "./failures.ts";
import { identityLabels, networkName } from "./names.ts";
import type { Observation } from "./observe.ts";
import { type Recovery, recovering } from "./recovery/operation.ts";

/** Makes the stack's network as one operation with recovery. Rejects with FailureError or LashError. */
export async function provideNetwork(
  context: StackContext,
  before: Observation,
  { recovery, signal }: { readonly recovery: Recovery; readonly signal: AbortSignal },
): Promise<void> {
  const name = networkName(context.settings.identity.project);
  await recovering(context, {
    name: `creation of network "${name}"`,
    signal,
    recovery,
    async run() {
      try {
        await prepareNetwork(context, before, signal);
      } catch (error) {
        throw failed(name, "network", error, context.mask);
      }
    },
  });
}

/**
 * Makes the network that all containers of the stack stand on. A network of that name that is not ours is refused, not
 * used. Repeating it changes nothing.
 */
async function prepareNetwork(
  context: StackContext,
  before: Observation,
  signal: AbortSignal,
): Promise<void> {
  const { engines, identity } = context.settings;
  const networks = engines.container?.networks;
  if (networks === undefined || !context.stack.resources.some(isContainer)) return;
  const name = networkName(identity.project);
  const labels = { ...identityLabels(identity), [label.user]: identity.user };
  if (before.network === undefined) {
    try {
      context.networkId = (await networks.create({ name, labels }, { signal })).id;
      return;
    } catch (error) {
      if (!isLashError(error, "engine-conflict")) throw error;
    }
  }
  const network = before.network ?? (await networks.inspect(name, { signal }));
  context.networkId = network?.id;
  if (network?.labels[label.project] === identity.project) return;
  throw new LashError("name-in-use", `Cannot use network "${name}": it exists and is not ours`, {
    data: { network: name },
    hint: `Look at it with: docker network inspect ${name}`,
  });
}

/** Makes the volumes that a resource owns and that are not there yet. An existing volume keeps its data and labels. */
export async function prepareVolumes(
  context: StackContext,
  before: Observation,
  work: Work,
  signal: AbortSignal,
): Promise<void> {
  const { engines, identity } = context.settings;
  if (work.type !== "container") return;
  const known = new Set(before.volumes.map(({ name }) => name));
  const labels = identityLabels(identity);
  const missing = work.volumes.filter((name) => !known.has(name));
  await Promise.all(
    missing.map(async (name) => engines.container?.volumes?.create({ name, labels }, { signal })),
  );
}

function isContainer(resource: Resource): boolean {
  return resource.kind !== "process" && resource.kind !== "external";
}
