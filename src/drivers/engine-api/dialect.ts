import type { ContainerState } from "../../engine/facts.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { EngineClient } from "./client.ts";
import type { ContainerJson, EventJson, InfoJson } from "./wire.ts";

/** Where engines that speak this API differ. Each driver has one; everything else is shared. */
export interface Dialect {
  /** Driver name. */
  readonly driver: "docker" | "podman";
  readonly product: string;
  /** Identity of the engine behind an endpoint. */
  identity(info: InfoJson): string;
  /** Container state from the engine's word. */
  state(word: string): ContainerState;
  /** The engine's event in Docker's words. */
  event(event: EventJson): EventJson;
  /** Actions to ask the engine for; undefined: all, what is of no use is left out here. */
  readonly actions: readonly string[] | undefined;
  /** Whether an action that came nevertheless says nothing of use. */
  isNoise(action: string): boolean;
  /** Whether an inspect tells why a start was refused. */
  readonly keepsStartError: boolean;
  /** Whether following a log gives all of it when the container ends. */
  readonly followsToTheEnd: boolean;
  /** Makes sure that what the engine called stopped already stays so. */
  stopForGood?(stop: StopTools): Promise<void>;
  /** Whether a removal by name may hit a creation that is still under way, and break it. */
  readonly removesByIdOnly: boolean;
  /** Reference an image was asked for by, from what the engine calls it. */
  imageName(name: string): string;
  /** Whether the labels of a commit are taken from the body; otherwise they are given as instructions. */
  readonly takesCommitLabels: boolean;
  /** Called before a create; returns the spec as this engine needs it, or rejects where it would do harm. */
  prepare?(spec: ContainerSpec, client: EngineClient, signal: AbortSignal): Promise<ContainerSpec>;
  /** References under which a local image may be known, best first. */
  localNames(reference: string): readonly string[];
}

export interface StopTools {
  /** The container as it is now. */
  readonly look: () => Promise<ContainerJson | undefined>;
  /** Asks for the stop once more. */
  readonly ask: () => Promise<"changed" | "unchanged">;
  readonly signal: AbortSignal;
}

/** The words of Docker Engine; unknown ones count as dead, the one state nothing is expected of. */
export function dockerState(word: string): ContainerState {
  switch (word) {
    case "created":
    case "running":
    case "paused":
    case "restarting":
    case "removing":
    case "exited":
    case "dead":
      return word;
    default:
      return "dead";
  }
}
