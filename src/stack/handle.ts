import type { ExecOptions, ExecSession } from "../engine/engine.ts";
import type { LogEntry } from "../engine/facts.ts";
import type { Outputs, Stack } from "../model/stack.ts";
import type { RecoveryCounts } from "../recovery/counters.ts";
import type { Failure } from "../recovery/failure.ts";
import type { RecoveryReport } from "../recovery/report.ts";
import type { Holder } from "../state/lock.ts";
import type { StackEvent } from "./events.ts";
import type { Plan } from "./plan.ts";
import type { ResourceStatus, ResourceView } from "./status.ts";

export interface UpOptions {
  readonly signal?: AbortSignal | undefined;
  /** Second, harder signal: kill at once instead of stopping with grace. */
  readonly killSignal?: AbortSignal | undefined;
  /** These resources and what they need; default all. */
  readonly resources?: readonly string[] | undefined;
  readonly noDependencies?: boolean | undefined;
  readonly build?: boolean | undefined;
  readonly pull?: boolean | undefined;
  readonly forceRecreate?: boolean | undefined;
  readonly removeOrphans?: boolean | undefined;
  /** Leave what was started when it fails. */
  readonly keep?: boolean | undefined;
  /** Limit for the whole of `up`, in ms. */
  readonly timeoutMs?: number | undefined;
  /** Grace of a stop, in ms, for roll-back; default each resource's own. */
  readonly graceMs?: number | undefined;
  /** Take over a stack of this project that another manifest started. */
  readonly adopt?: boolean | undefined;
}

export interface UpResult {
  readonly ready: readonly string[];
  readonly adopted: readonly string[];
  readonly tookMs: number;
  readonly addresses: readonly { readonly name: string; readonly url: string }[];
  /** What was detected and repaired on the way, in order. */
  readonly recoveries: readonly RecoveryReport[];
}

export interface DownOptions {
  readonly signal?: AbortSignal | undefined;
  readonly killSignal?: AbortSignal | undefined;
  readonly volumes?: boolean | undefined;
  readonly graceMs?: number | undefined;
}

export interface DownResult {
  readonly removed: readonly string[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
  /** Volumes kept. */
  readonly kept: readonly string[];
}

export interface StackLogOptions {
  readonly signal: AbortSignal;
  readonly resources?: readonly string[] | undefined;
  readonly follow: boolean;
  readonly tail?: number | undefined;
  readonly since?: string | undefined;
}

/** How supervision ended. */
export type SuperviseEnd =
  | { readonly reason: "signal" }
  | { readonly reason: "down" }
  | { readonly reason: "released" }
  | { readonly reason: "all-ended"; readonly failures: readonly Failure[] };

/** A stack bound to its engines. Owns its background work; dispose it to end that. Does not stop the stack itself. */
export interface StackHandle extends AsyncDisposable {
  readonly stack: Stack;

  /**
   * Brings the stack up and resolves when every resource is ready or completed. On the first failure, and on abort,
   * what this call started is stopped and removed again (unless `keep`), then it rejects: `resource-failed` with
   * `data.failures` (the first is the cause), `cancelled`, `timed-out`, `stack-held`, `stack-elsewhere`.
   */
  up(options?: UpOptions): Promise<UpResult>;
  /** What `up` would do. Changes nothing. */
  plan(options?: UpOptions): Promise<Plan>;
  /** Stops and removes everything of this project. Rejects with `leftovers` naming what could not be removed. */
  down(options?: DownOptions): Promise<DownResult>;
  /** Watches the running stack, applies restart policies, until the signal, a `down` or a release. */
  supervise(options: { readonly signal: AbortSignal }): Promise<SuperviseEnd>;
  /** `up`, `supervise` until the signal, `down`. */
  runUntilSignal(options: UpOptions & { readonly signal: AbortSignal }): Promise<void>;

  /** Ends the supervision and lets the stack go, so that another process can hold it. Everything keeps running. */
  release(): Promise<void>;
  /** Which process holds the stack now; undefined: none. */
  holder(options: { readonly signal: AbortSignal }): Promise<Holder | undefined>;

  /** Restarts these resources (default all), dependents untouched. */
  restart(resources: readonly string[], options?: DownOptions): Promise<void>;
  start(resources: readonly string[], options?: UpOptions): Promise<void>;
  stop(resources: readonly string[], options?: DownOptions): Promise<void>;

  /** Every resource and orphan as the engine sees it now, in the manifest's order. It is faster without `urls`. */
  list(options?: {
    readonly signal?: AbortSignal | undefined;
    /** Default true. */
    readonly urls?: boolean | undefined;
  }): Promise<readonly ResourceView[]>;
  /** Output of resources, in the order it arrives. */
  logs(options: StackLogOptions): AsyncIterable<{ readonly resource: string; readonly entry: LogEntry }>;
  exec(resource: string, options: ExecOptions): Promise<ExecSession>;
  /** One-off: a new container (or process) of that resource with another command; removed when it ended. */
  run(
    resource: string,
    options: {
      readonly signal: AbortSignal;
      readonly command: readonly string[] | undefined;
      readonly onOutput: (entry: LogEntry) => void;
    },
  ): Promise<number>;

  /** Status now, and a subscription to its changes. */
  status(resource: string): {
    readonly current: ResourceStatus;
    subscribe(listener: (status: ResourceStatus) => void): () => void;
  };
  /** Outputs as seen from this machine, as far as they are known. */
  outputs(resource: string): Promise<Outputs>;

  /** How often which failure was met and which repair was made through this handle. */
  recoveryCounts(): RecoveryCounts;

  /** Calls the listener with every later event; returns the function that ends it. */
  onEvent(listener: (event: StackEvent) => void): () => void;
  /** Later events as an iteration with a bounded buffer of its own; what did not fit is counted in `events_missed`. */
  events(options: { readonly signal: AbortSignal }): AsyncIterable<StackEvent>;
}
