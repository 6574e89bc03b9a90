import type { PortChoice } from "../../model/stack.ts";
import type { Repair } from "../../recovery/repair.ts";

/** The repairs of a stack, each with what it is made with. */
export type StackRepair = Repair &
  (
    | { readonly name: "use-port-bundle" | "use-free-port"; readonly choice: PortChoice }
    | { readonly name: "replace-own-container"; readonly container: string }
    | { readonly name: "remove-own-networks"; readonly networks: readonly IdleNetwork[] }
    | { readonly name: "use-local-image" }
    | { readonly name: "pull-again"; readonly afterMs: number }
  );

/** A container whose name is in the way. */
export interface Namesake {
  readonly id: string;
  readonly name: string;
  /** Carries the labels of this very stack. */
  readonly ours: boolean;
  /** Neither running nor about to. */
  readonly atRest: boolean;
}

/** A network that Lash made on this machine and nothing is connected to. */
export interface IdleNetwork {
  readonly id: string;
  readonly name: string;
  readonly project: string;
}
