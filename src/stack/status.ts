import type { Failure } from "../recovery/failure.ts";

/** Where a resource stands. Replaced whole, by one owner (stack/board.ts). */
export type ResourceStatus =
  | { readonly tag: "pending" }
  | { readonly tag: "pulling" }
  | { readonly tag: "building" }
  /** `on`: dependencies that have not met their condition yet. */
  | { readonly tag: "waiting"; readonly on: readonly string[] }
  | { readonly tag: "starting" }
  | { readonly tag: "running"; readonly id: string }
  | { readonly tag: "ready"; readonly id: string }
  | { readonly tag: "unhealthy"; readonly id: string; readonly output: string }
  | { readonly tag: "restarting"; readonly attempt: number; readonly delayMs: number }
  | { readonly tag: "stopping" }
  | { readonly tag: "completed" }
  | { readonly tag: "stopped" }
  | { readonly tag: "failed"; readonly failure: Failure };

export type StatusTag = ResourceStatus["tag"];

/** A row of `lash ps` and an entry of the library's list. */
export interface ResourceView {
  readonly name: string;
  readonly kind: string;
  readonly status: StatusTag;
  /** Short words on the status for people, for example "waits for db" or the failure's message; "" if none. */
  readonly detail: string;
  /** Container or process id; undefined when there is none. */
  readonly id: string | undefined;
  readonly image: string;
  /** ISO 8601. */
  readonly startedAt: string | undefined;
  readonly exitCode: number | undefined;
  readonly restarts: number;
  /** For example "127.0.0.1:8080->80/tcp". */
  readonly ports: readonly string[];
  /** Address to open from this machine, if it has one. */
  readonly url: string | undefined;
  /** True for a container of this project that the manifest no longer declares. */
  readonly orphan: boolean;
}
