import type { JsonObject } from "../model/json.ts";
import type { Dependency, ResourceKind } from "../model/stack.ts";
import type { Report } from "./problem.ts";

/** A resource whose texts are all known, and what its meaning depends on. */
export interface LowerInput {
  readonly name: string;
  readonly kind: ResourceKind;
  readonly body: JsonObject;
  readonly project: string;
  /** Absolute folder of the manifest. */
  readonly directory: string;
  readonly dependsOn: readonly Dependency[];
  /** Whether a process is among its dependencies, so that it must find the host. */
  readonly needsHost: boolean;
  /** Whether a process depends on it, so that its port must be on the host. */
  readonly neededByHost: boolean;
  /** Password of a managed resource that declares none. */
  readonly generated: (resource: string) => string;
  readonly report: Report;
}
