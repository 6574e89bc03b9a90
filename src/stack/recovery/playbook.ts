import type { Failure } from "../../recovery/failure.ts";
import type { Decision, Playbook } from "../../recovery/repair.ts";
import { choosePorts, type PortSituation } from "./port-decision.ts";
import type { IdleNetwork, Namesake, StackRepair } from "./repairs.ts";

/** What was looked at to decide about one failure. What does not concern it is undefined. */
export interface StackSituation {
  readonly ports?: PortSituation | undefined;
  /** Undefined where the name is free by now, too. */
  readonly namesake?: Namesake | undefined;
  readonly idleNetworks?: readonly IdleNetwork[] | undefined;
  /** The image that was to be pulled is present. */
  readonly localImage?: boolean | undefined;
}

type StackDecision = Decision<StackRepair>;

/** Longest wait that a registry may ask for before the one retry. */
const longestWaitMs = 15_000;
/** Pause before a pull that was cut is tried again. */
const pullPauseMs = 1000;

/** What may be done about which failure of a stack. Pure. */
export const stackPlaybook: Playbook<StackSituation, StackRepair> = {
  "port-in-use": (failure, { ports }) =>
    ports === undefined
      ? giveUp("other ports could not be looked at, and only a whole `lash up` moves a stack")
      : choosePorts(failure, ports),
  "name-in-use": (_, { namesake }) => replaceOwn(namesake),
  "network-pool-exhausted": (_, { idleNetworks }) => removeIdle(idleNetworks ?? []),
  "image-rate-limited": (failure, situation) => useLocal(failure, situation) ?? pullLater(failure),
  "registry-unreachable": (failure, situation) => useLocal(failure, situation) ?? pullAgain(failure),
};

function giveUp(because: string): StackDecision {
  return { type: "give-up", because };
}

function replaceOwn(namesake: Namesake | undefined): StackDecision {
  if (namesake === undefined) return giveUp("what has the name is not a container of this stack");
  const { name, id } = namesake;
  if (!namesake.ours) return giveUp(`container "${name}" is not of this stack, so it stays as it is`);
  if (!namesake.atRest) return giveUp(`container "${name}" is of this stack, but it runs or was just made`);
  return {
    type: "repair",
    repair: {
      name: "replace-own-container",
      what: `container "${name}" is removed and made again`,
      safe: "it carries the labels of this stack and does not run",
      container: id,
    },
  };
}

function removeIdle(networks: readonly IdleNetwork[]): StackDecision {
  if (networks.length === 0) return giveUp("none of the networks is an idle one that Lash made");
  const names = networks.map(({ name }) => name).join(", ");
  return {
    type: "repair",
    repair: {
      name: "remove-own-networks",
      what: `idle networks of Lash are removed: ${names}`,
      safe: "Lash made them on this machine, nothing is connected to them, and nobody holds their stacks",
      networks,
    },
  };
}

function useLocal(failure: Failure, { localImage }: StackSituation): StackDecision | undefined {
  if (localImage !== true) return undefined;
  const image = failure.details?.image ?? "the image";
  return {
    type: "repair",
    repair: {
      name: "use-local-image",
      what: `${image} as it is on the engine, which may be older than the registry's`,
      safe: "the same reference is present",
    },
  };
}

function pullLater({ details }: Failure): StackDecision {
  const afterMs = details?.retryAfterMs;
  if (afterMs === undefined) return giveUp("the registry does not say when it will answer again");
  if (afterMs > longestWaitMs) {
    return giveUp(
      `the registry asks to wait ${seconds(afterMs)}, longer than the ${seconds(longestWaitMs)} allowed`,
    );
  }
  return again(afterMs, `the registry asked to wait ${seconds(afterMs)}`);
}

function pullAgain({ details }: Failure): StackDecision {
  if (details?.passing !== true) return giveUp("trying again would end the same way");
  return again(pullPauseMs, "a pull that was cut changes nothing, and what was read already is kept");
}

function again(afterMs: number, safe: string): StackDecision {
  const what = `the image is pulled once more after ${seconds(afterMs)}`;
  return { type: "repair", repair: { name: "pull-again", what, safe, afterMs } };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
