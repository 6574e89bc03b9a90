import type { ContainerSpec, PortMapping } from "./container-spec.ts";
import type { JsonObject } from "./json.ts";

export type ResourceKind =
  | "container"
  | "dockerfile"
  | "task"
  | "process"
  | "postgres"
  | "mysql"
  | "mariadb"
  | "redis"
  | "external";

/** What a dependent waits for. */
export type Condition = "started" | "ready" | "completed";

/** One edge of the dependency graph. */
export interface Dependency {
  readonly name: string;
  readonly condition: Condition;
  /** True when only an interpolation asks for it. */
  readonly implicit: boolean;
}

/** When a resource that ended is started again. `windowMs`: restarts older than this no longer count against `max`. */
export interface RestartPolicy {
  readonly mode: "never" | "on-failure" | "always" | "unless-stopped";
  readonly max: number | undefined;
  readonly windowMs: number;
}

/** Values a resource exposes to its dependents, by property. */
export type Outputs = Readonly<Record<string, string>>;

/** Who reads an output: a container on the stack's network, or a process on the host. */
export type Viewpoint = "container" | "host";

/** One declared resource. `declared` still holds `${resources...}` references; everything else is interpolated. */
export interface Resource {
  readonly name: string;
  readonly kind: ResourceKind;
  readonly dependsOn: readonly Dependency[];
  readonly profiles: readonly string[];
  readonly declared: JsonObject;
}

/** Named set of host ports; the first bundle of a stack is its default. */
export interface PortBundle {
  readonly name: string;
  readonly ports: Readonly<Record<string, number>>;
}

/** Which host ports a stack uses, of those it may. */
export interface PortChoice {
  /** Undefined: the default, which is the first one, or none. */
  readonly bundle: string | undefined;
  /** Host ports to use instead of others, wherever the others are named. */
  readonly moved: ReadonlyMap<number, number>;
}

/** A variable that the manifest reads. */
export interface VariableUse {
  readonly name: string;
  readonly scheme: "env" | "secret";
  /** Where its value comes from; "missing" blocks `up`. */
  readonly source: "env-file" | "environment" | "secrets-file" | "default" | "missing";
  /** Path in the manifest of the first use, for example "resources.api.env.TOKEN". */
  readonly path: string;
}

/** Everything one manifest declares, for one choice of port bundle and environment. */
export interface Stack {
  readonly project: string;
  readonly version: string | undefined;
  readonly description: string | undefined;
  /** Absolute path of the manifest. */
  readonly manifestPath: string;
  /** Absolute folder of the manifest: relative paths start here, `.lash/` lives here. */
  readonly directory: string;
  readonly format: "lash" | "lightshuttle";
  /** In the manifest's order. */
  readonly resources: readonly Resource[];
  readonly bundles: readonly PortBundle[];
  /** Name of the bundle that `${ports.x}` was resolved with; undefined when the manifest declares none. */
  readonly bundle: string | undefined;
  /** Host ports that are used instead of the declared ones; empty unless `recovery.ports` is `any-free`. */
  readonly movedPorts: ReadonlyMap<number, number>;
  readonly recovery: { readonly ports: "bundle" | "any-free" | "never" };
  readonly variables: readonly VariableUse[];
}

/** Where a container's image comes from. */
export type ImageSource =
  | { readonly type: "pull"; readonly reference: string; readonly policy: "always" | "missing" | "never" }
  | {
      readonly type: "build";
      /** Absolute folder. */
      readonly context: string;
      /** Path inside the context, or absolute. */
      readonly dockerfile: string;
      readonly target: string | undefined;
      readonly buildArgs: Readonly<Record<string, string>>;
      readonly platform: string | undefined;
      /** Tag the built image gets. */
      readonly tag: string;
    };

/** The check whose success makes a resource ready. */
export type ReadyCheck =
  | { readonly type: "running" }
  | { readonly type: "completed" }
  | {
      readonly type: "http";
      readonly port: number;
      readonly path: string;
      readonly status: readonly [number, number];
    }
  | { readonly type: "tcp"; readonly port: number }
  | { readonly type: "exec"; readonly command: readonly string[]; readonly timeoutMs: number }
  | { readonly type: "log"; readonly pattern: string }
  | { readonly type: "healthcheck" };

/** Container part of a resolved resource. Name, labels and networks of the spec are added by stack/. */
export interface ContainerWork {
  readonly type: "container";
  readonly image: ImageSource;
  readonly spec: Omit<ContainerSpec, "name" | "labels" | "image" | "networks" | "restart">;
  /** Named volumes that Lash creates and owns: name on the engine. */
  readonly volumes: readonly string[];
  /** Labels of the user's own. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Networks to join besides the stack's, which exist already. */
  readonly networks?: readonly string[] | undefined;
}

/** Native process part of a resolved resource. */
export interface ProcessWork {
  readonly type: "process";
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absolute folder. */
  readonly workingDir: string;
  readonly port: number | undefined;
  readonly stopSignal: string;
}

/** Something that already runs; nothing is started. */
export interface ExternalWork {
  readonly type: "external";
  readonly host: string;
  readonly port: number | undefined;
}

export type Work = ContainerWork | ProcessWork | ExternalWork;

/** What a resource's outputs are computed from once its host ports are known. */
export interface Exposed {
  /** Ports it listens on: container ports, or a process's own port. The first is the `port` output. */
  readonly ports: readonly number[];
  /** Parts of the `url` output; undefined when it has none. Values are raw, encoding happens when the URL is made. */
  readonly url:
    | {
        readonly scheme: string;
        readonly user: string | undefined;
        readonly password: string | undefined;
        readonly path: string;
      }
    | undefined;
  /** Outputs that do not depend on where it runs, for example user, password, database; for external all of them. */
  readonly values: Outputs;
}

/** A resource with all its references resolved and all its grammar parsed. */
export interface ResolvedResource {
  readonly name: string;
  readonly kind: ResourceKind;
  readonly work: Work;
  readonly ready: ReadyCheck;
  readonly readyTimeoutMs: number;
  /** Declared interval of the check, upper bound of Lash's own probe period. */
  readonly readyIntervalMs: number;
  readonly restart: RestartPolicy;
  readonly stopGraceMs: number;
  readonly exposed: Exposed;
  /** Values to mask wherever text is shown or stored. */
  readonly secrets: readonly string[];
}

/** Ports that a running resource really has, from the engine. */
export type PublishedPorts = readonly PortMapping[];
