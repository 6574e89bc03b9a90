import { resolveResource } from "../manifest/resolve-resource.ts";
import type { ResolvedResource, Resource } from "../model/stack.ts";
import { type BuiltSpec, buildSpec } from "./build-spec.ts";
import { type StackContext, viewpointOf } from "./context.ts";

/** A resource and what it is made from. */
export interface Resolved {
  readonly type: "resolved";
  readonly resolved: ResolvedResource;
  /** Undefined for `external`, which Lash does not run. */
  readonly built: BuiltSpec | undefined;
  /** A dependency may still come to have more outputs, which would be injected too. */
  readonly open: boolean;
}

/** A resource ready to be made, or the output of another that has to be known first. */
export type Resolution =
  | Resolved
  | { readonly type: "deferred"; readonly on: { readonly name: string; readonly property: string } };

/** Resolves a resource with the outputs that its dependencies have by now. */
export function resolve(context: StackContext, resource: Resource): Resolution {
  const { stack, settings } = context;
  const viewpoint = viewpointOf(resource);
  const result = resolveResource(stack, resource, {
    output: (name, property) => context.outputs(name, viewpoint)[property],
    generated: settings.generated,
  });
  if (result.type === "deferred") return result;
  context.learnSecrets(result.resource.secrets);
  const { env, volatile, open } = context.injected(resource);
  const built = buildSpec({
    stack,
    identity: settings.identity,
    resource,
    resolved: result.resource,
    freeHostPorts: settings.freeHostPorts,
    injected: env,
    volatile,
  });
  return { type: "resolved", resolved: result.resource, built, open };
}
