import type { ContainerFacts, ContainerState, HealthState } from "../engine/facts.ts";
import type { PortMapping } from "../model/container-spec.ts";

/** One container of the server, as it was last seen. Moments are milliseconds since the epoch or ISO 8601. */
export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  readonly health: HealthState;
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  /** What whoever asked for it gave it, without ours. */
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly PortMapping[];
  readonly createdAt: string | undefined;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  readonly lastUsedAtMs: number;
  /** Seconds without use after which it is removed; 0: never. */
  readonly ttlSeconds: number;
  /** Undefined: never, or not while it is in use. */
  readonly expiresAtMs: number | undefined;
  /** Commands, terminals and followed logs that are open now. */
  readonly uses: number;
  /** It is being removed because nobody used it. */
  readonly terminating: boolean;
}

/** What the registry keeps of a container. Replaced whole. */
export interface Entry {
  readonly facts: ContainerFacts;
  readonly lastUsedAtMs: number;
  readonly uses: number;
  readonly cleanup: CleanupState;
  /** Counts up with every look at a container: what was seen later is not undone by an older list. */
  readonly seen: number;
}

/** Where the clean-up of one container stands. */
export type CleanupState =
  | { readonly tag: "idle"; readonly attempts: number; readonly retryAtMs: number }
  | { readonly tag: "running"; readonly attempts: number };

export const neverCleaned: CleanupState = { tag: "idle", attempts: 0, retryAtMs: 0 };
