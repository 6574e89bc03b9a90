import type { Graph } from "../graphs/graph.ts";

/** One project of one run: what is brought up, under which name, from which folder. */
export interface Trial {
  readonly graph: Graph;
  readonly project: string;
  readonly folder: string;
  /** Where the engine is: its own socket, or the counting proxy's. */
  readonly socket: string;
}

/** When a call of a tool began and ended, in Unix milliseconds. */
export interface Span {
  readonly startedAt: number;
  readonly exitedAt: number;
}

/** A way to bring a graph up and down. */
export interface Contestant {
  readonly name: string;
  /** Writes what the tool reads. Not measured. */
  readonly prepare: (trial: Trial) => Promise<void>;
  readonly up: (trial: Trial) => Promise<Span>;
  readonly down: (trial: Trial) => Promise<Span>;
  /** Ends what `up` left running on this machine. Not measured. */
  readonly release: (trial: Trial) => Promise<void>;
}

/** Longest that one command of a tool may take. */
export const commandTimeoutMs = 120_000;
