import type { Engine } from "../engine/engine.ts";
import type { Resource } from "../model/stack.ts";
import type { StackContext } from "./context.ts";
import type { UpOptions } from "./handle.ts";
import type { Images } from "./images.ts";
import type { Observation } from "./observe.ts";
import type { Recovery } from "./recovery/operation.ts";
import type { EndListener } from "./supervisor.ts";

/** What an `up` is asked for. */
export interface UpRequest {
  /** The resources to bring up, of the stack as it is then: with other ports they are others. */
  readonly select: () => readonly Resource[];
  readonly options: UpOptions;
  readonly signal: AbortSignal;
  readonly killSignal: AbortSignal;
  /** Hears of ends after the start. */
  readonly ended: (name: string) => EndListener;
}

/** What one `up` shares between the tasks of its resources. */
export interface BringUp {
  readonly context: StackContext;
  readonly before: Observation;
  readonly images: Images | undefined;
  /** Resolves once the stack's network exists. */
  readonly network: Promise<void>;
  readonly options: {
    readonly build: boolean;
    readonly pull: boolean;
    readonly forceRecreate: boolean;
    readonly noDependencies: boolean;
  };
  /** Aborts on cancel and on the first failure. */
  readonly signal: AbortSignal;
  /** Ids of containers that this `up` started, in order. */
  readonly started: Set<string>;
  /** Those who wait for nobody and were not started yet. */
  readonly roots: Roots;
  /** Creations ahead of time; a roll-back looks only when all have ended. */
  readonly early: Promise<unknown>[];
  /** Containers that were stopped and wait under their former name's `.previous` until their successor is ready. */
  readonly replaced: Map<string, Engine>;
  /** Ids of what this `up` made before it went on with other ports: removed, not kept, where it no longer fits. */
  readonly former: ReadonlySet<string>;
  readonly recovery: Recovery;
  /** Failures that more than one resource runs into, once one of them has told. */
  readonly told: Set<unknown>;
  /** Names of containers whose creation was asked for and never answered. */
  readonly unanswered: Set<string>;
}

/** Names that go one by one. */
export class Roots {
  readonly #names: Set<string>;
  readonly #gone = Promise.withResolvers<void>();

  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    if (this.#names.size === 0) this.#gone.resolve();
  }

  /** Resolves when all of them are gone. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  delete(name: string): void {
    this.#names.delete(name);
    if (this.#names.size === 0) this.#gone.resolve();
  }
}
