import { adoptMembers } from "./adopt.ts";
import type { StackContext } from "./context.ts";
import { describeStack } from "./list.ts";
import { observe } from "./observe.ts";
import type { ResourceStatus, ResourceView } from "./status.ts";
import type { Tenancy } from "./tenancy.ts";

/**
 * Every resource as the engines have it now, with the status its holder knows, if it has one. Without `urls` what is
 * fine is not resolved, which takes longer than all else: then only details have to be known well enough to be masked.
 */
export async function listStack(
  context: StackContext,
  tenancy: Tenancy,
  { signal, urls }: { readonly signal: AbortSignal; readonly urls: boolean },
): Promise<readonly ResourceView[]> {
  const { settings, stack, board, mask } = context;
  const [observation, remote] = await Promise.all([
    observe(settings.engines, stack.project, { signal, containersOnly: true }),
    tenancy.remoteStatuses(signal),
  ]);
  const known = (name: string): ResourceStatus | undefined =>
    tenancy.isOurs ? board.get(name) : remote[name];
  const isDeclared = (name: string): boolean => context.isDeclared(name);
  if (!urls && !tenancy.isOurs) {
    const views = describeStack(stack, observation, known, isDeclared);
    if (views.every(({ detail }) => detail === "")) return views;
  }
  adoptMembers(context, observation);
  return describeStack(stack, observation, known, isDeclared).map((view) => ({
    ...view,
    detail: mask(view.detail),
    url: view.orphan ? undefined : context.shownUrl(view.name),
  }));
}
