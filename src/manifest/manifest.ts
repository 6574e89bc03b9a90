import type { JsonObject, JsonValue } from "../model/json.ts";
import type { PortBundle, ResourceKind, Stack } from "../model/stack.ts";
import type { Locate, Problem } from "./problem.ts";

/** Every kind of resource, in the order they are documented. */
export const resourceKinds: readonly ResourceKind[] = [
  "container",
  "dockerfile",
  "task",
  "process",
  "postgres",
  "mysql",
  "mariadb",
  "redis",
  "external",
];

/** A resource as it is written. */
export interface DeclaredResource {
  readonly name: string;
  readonly kind: ResourceKind;
  /** What stands under the kind. */
  readonly body: JsonObject;
  /** True when the schema refused it: it is known by name, and not looked at any further. */
  readonly broken: boolean;
}

/** A manifest that was read, before its variables and references are looked at. */
export interface Manifest {
  readonly format: Stack["format"];
  /** Absolute path. */
  readonly file: string;
  /** Absolute folder of the file. */
  readonly directory: string;
  readonly project: {
    readonly name: string;
    readonly version: string | undefined;
    readonly description: string | undefined;
  };
  /** In the file's order. */
  readonly resources: readonly DeclaredResource[];
  readonly bundles: readonly PortBundle[];
  readonly recovery: Stack["recovery"];
  /** Restart policy of every resource that declares none; undefined: Lash's own. */
  readonly restart: JsonValue | undefined;
  /** Settings of `lash server`, as written. */
  readonly server: JsonObject;
  /** What was read and has no effect. */
  readonly warnings: readonly Problem[];
  readonly locate: Locate;
}
