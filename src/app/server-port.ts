import type { Counters } from "../connectivity/counters.ts";
import type { LogRecord } from "../connectivity/log.ts";
import type { HealthSnapshot } from "../connectivity/snapshot.ts";
import type { Dependency } from "../connectivity/status.ts";
import type { CleanupRecord } from "../containers/cleanup.ts";
import type { Containers } from "../containers/containers.ts";
import type { EngineEvent, LogEntry } from "../engine/facts.ts";
import type { StackEvent } from "../stack/events.ts";

interface WithSignal {
  readonly signal: AbortSignal;
}

/** The one thing that a server depends on softly: its runner, or the engine of its machine. */
export interface ServerDependency {
  readonly name: Dependency;
  readonly optional: boolean;
  readonly isUp: boolean;
  /** Reads memory only. */
  snapshot(): HealthSnapshot;
  /** A request needs it: whether it is there, after a short look when it was not. */
  demand(options: WithSignal): Promise<boolean>;
  /** Whole seconds after which it is worth asking again, at least 1. */
  retryAfterSeconds(): number;
  /** A call failed by network, or gets no answer. */
  suspect(): void;
  /** Calls the listener each time it goes away; returns the function that ends it. */
  onLoss(listener: () => void): () => void;
  /** Begins anew, also after retrying has stopped. */
  rearm(): void;
  measures(): DependencyMeasures;
}

export interface DependencyMeasures {
  readonly counters: Counters;
  /** Upper ends of the buckets of `counters.probeSeconds`. */
  readonly bucketSeconds: readonly number[];
  readonly consecutiveFailures: number;
  readonly outageSeconds: number;
}

/** A container or process of a stack. */
export interface StackResource {
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly detail: string;
  readonly containerId: string | undefined;
  readonly containerName: string | undefined;
  readonly image: string;
  readonly startedAt: string | undefined;
  readonly exitCode: number | undefined;
  readonly restarts: number;
  readonly ports: readonly string[];
}

export interface StackSummary {
  readonly name: string;
  /** Path of the manifest it was made from, on the machine where it was; "" when no label tells. */
  readonly manifest: string;
  readonly resources: number;
  readonly running: number;
  /** Whether this server has its manifest, so that `up` and `down` can be asked for. */
  readonly managed: boolean;
}

/** The last `up` or `down` that was asked of this server. */
export type StackOperation =
  | { readonly action: "up" | "down"; readonly state: "running"; readonly startedAtMs: number }
  | {
      readonly action: "up" | "down";
      readonly state: "done";
      readonly startedAtMs: number;
      readonly endedAtMs: number;
    }
  | {
      readonly action: "up" | "down";
      readonly state: "failed";
      readonly startedAtMs: number;
      readonly endedAtMs: number;
      readonly error: { readonly code: string; readonly message: string };
    };

export interface StackDetails extends StackSummary {
  readonly items: readonly StackResource[];
  readonly operation: StackOperation | undefined;
}

/** What is heard of a stack: of its containers always, of the stack itself while this server brings it up or holds it. */
export type StackNews =
  | { readonly type: "container"; readonly resource: string; readonly event: EngineEvent }
  | { readonly type: "stack"; readonly event: StackEvent };

/**
 * Stacks of the engine, by their labels. Everything rejects with `resource-unknown` (`data.what` stack or resource) for
 * what is not there.
 */
export interface ServerStacks {
  list(options: WithSignal): Promise<readonly StackSummary[]>;
  get(stack: string, options: WithSignal): Promise<StackDetails>;
  /** By whoever holds the stack, or here while nobody does. Without resources: all of them. */
  act(
    stack: string,
    action: "start" | "stop" | "restart",
    options: WithSignal & {
      readonly resources?: readonly string[] | undefined;
      readonly graceMs?: number | undefined;
    },
  ): Promise<void>;
  logs(
    stack: string,
    options: WithSignal & {
      readonly resource?: string | undefined;
      readonly follow: boolean;
      readonly tail?: number | undefined;
      readonly since?: string | undefined;
    },
  ): Promise<AsyncIterable<{ readonly resource: string; readonly entry: LogEntry }>>;
  news(stack: string, options: WithSignal): Promise<AsyncIterable<StackNews>>;
  /** Begins to bring a stack of the server's folder up; goes on by itself and then supervises it. */
  up(
    stack: string,
    options: {
      readonly resources?: readonly string[] | undefined;
      readonly build?: boolean | undefined;
      readonly pull?: boolean | undefined;
    },
  ): Promise<StackOperation>;
  down(
    stack: string,
    options: { readonly volumes?: boolean | undefined; readonly graceMs?: number | undefined },
  ): Promise<StackOperation>;
  /** Resolves with the operation under way once it has ended; undefined: there is none. */
  settled(stack: string, options: WithSignal): Promise<StackOperation | undefined>;
}

/** What a server needs from below. Disposing it ends all of its background work. */
export interface ServerPort extends AsyncDisposable {
  readonly dependency: ServerDependency;
  readonly containers: Containers;
  readonly stacks: ServerStacks;
  /** Settings in effect, a line each, without secrets. */
  readonly settingsText: string;
}

/** What the port tells the server about, for its log. */
export interface ServerHooks {
  readonly onDependency: (record: LogRecord) => void;
  readonly onCleanup: (record: CleanupRecord) => void;
  /** Something in the background failed that nobody waits for. */
  readonly onFault: (error: unknown) => void;
}
