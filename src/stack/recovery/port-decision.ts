import type { PortBundle, PortChoice } from "../../model/stack.ts";
import type { Failure } from "../../recovery/failure.ts";
import type { Decision } from "../../recovery/repair.ts";
import type { StackRepair } from "./repairs.ts";

/** What was looked at about a host port that is taken. */
export interface PortSituation {
  readonly policy: "bundle" | "any-free" | "never";
  /** The caller chose the ports: nothing moves them. */
  readonly isFixed: boolean;
  readonly bundles: readonly PortBundle[];
  readonly current: PortChoice;
  /** How the ports of the next bundle stand; undefined where there is none. */
  readonly target: readonly TargetPort[] | undefined;
  /** For `any-free`: ports nobody has, by those that are taken; or why none is known. */
  readonly freePorts: ReadonlyMap<number, number> | { readonly because: string } | undefined;
  /** Running resources of this stack that this `up` does not bring up: they would stay on the old ports. */
  readonly others: readonly string[];
  /** Another resource of this stack publishes the port. */
  readonly takenByUs: string | undefined;
}

/** One port of the next bundle. */
export interface TargetPort {
  readonly name: string;
  readonly number: number;
  readonly state: "free" | "held" | "unknown";
  /** Who has it, or why that is not known, for people. */
  readonly detail: string;
}

type PortDecision = Decision<StackRepair>;

/** The bundle after the one in use; undefined when that is the last one. */
export function nextBundle(
  bundles: readonly PortBundle[],
  current: string | undefined,
): PortBundle | undefined {
  const at = bundles.findIndex(({ name }) => name === current);
  return at < 0 ? undefined : bundles[at + 1];
}

/** Which other ports to use, if any. Pure. */
export function choosePorts({ details }: Failure, situation: PortSituation): PortDecision {
  const number = details?.port?.number;
  const { policy, takenByUs, others } = situation;
  if (number === undefined) return giveUp("which port it is cannot be told");
  if (takenByUs !== undefined) return giveUp(`"${takenByUs}" of this stack has port ${number}`);
  if (situation.isFixed) return giveUp("the ports were chosen by whoever opened the stack");
  if (policy === "never") return giveUp("the manifest says `recovery.ports: never`");
  if (others.length > 0) {
    const names = others.map((name) => `"${name}"`).join(", ");
    return giveUp(`${names} would stay on the former ports; \`lash up\` moves the whole stack`);
  }
  return policy === "any-free" ? useFreePort(number, situation) : useBundle(number, situation);
}

function useBundle(number: number, { bundles, current, target }: PortSituation): PortDecision {
  if (bundles.length < 2) return giveUp("the manifest declares no other port bundle");
  const bundle = nextBundle(bundles, current.bundle);
  if (bundle === undefined) return giveUp(`port bundle "${current.bundle ?? ""}" is the last one`);
  const mine = bundles.find(({ name }) => name === current.bundle);
  if (!Object.values(mine?.ports ?? {}).includes(number)) {
    return giveUp(
      `port ${number} is not of port bundle "${current.bundle ?? ""}", so another one would not move it`,
    );
  }
  const ports = target ?? [];
  const bad = ports.find(({ state }) => state !== "free");
  if (bad !== undefined || ports.length === 0) {
    const why = bad === undefined ? "its ports were not probed" : `${bad.name} ${bad.number} ${bad.detail}`;
    return giveUp(`port bundle "${bundle.name}" cannot be used: ${why}`);
  }
  const list = ports.map((port) => `${port.name} ${port.number}`).join(", ");
  return {
    type: "repair",
    repair: {
      name: "use-port-bundle",
      what: `bundle "${bundle.name}": ${list} (${howMany(ports.length)}probed free)`,
      safe: "the manifest declares it, and every port of it was probed free on IPv4 and IPv6",
      choice: { bundle: bundle.name, moved: new Map() },
    },
  };
}

function useFreePort(number: number, { freePorts, current }: PortSituation): PortDecision {
  if (freePorts === undefined || "because" in freePorts) {
    return giveUp(freePorts?.because ?? "no free port was found");
  }
  if (!freePorts.has(number)) return giveUp("no free port was found");
  const moved = new Map(current.moved);
  for (const [taken, free] of freePorts) {
    // What was moved before keeps the declared port as its key.
    const declared = [...current.moved].find(([, to]) => to === taken)?.[0] ?? taken;
    moved.set(declared, free);
  }
  const list = [...freePorts].map(([taken, free]) => `port ${free} instead of ${taken}`).join(", ");
  return {
    type: "repair",
    repair: {
      name: "use-free-port",
      what: `${list} (${howMany(freePorts.size)}probed free)`,
      safe: "the manifest asks for it with `recovery.ports: any-free`",
      choice: { bundle: current.bundle, moved },
    },
  };
}

function giveUp(because: string): PortDecision {
  return { type: "give-up", because };
}

/** "all three ": how many ports were probed, as words. */
function howMany(count: number): string {
  const words = ["", "", "both", "all three", "all four", "all five"];
  return count === 1 ? "" : `${words[count] ?? `all ${count}`} `;
}
