import { hostname } from "node:os";
import type { EngineInfo } from "../engine/facts.ts";
import { probePort } from "../host/port-probe.ts";
import type { HostPort } from "../recovery/failure.ts";

/** Whether what is bound and seen here says anything of the engine's ports. `because`: the evidence, or its lack. */
export interface SameHost {
  readonly same: boolean;
  readonly because: string;
}

/**
 * Whether the ports of an engine are this machine's. Only an engine that is reached by a socket file can be: a port
 * that it has just found taken must be taken here as well, for an engine in a network of its own may call its machine
 * what this one is called. Without such a port the name decides. What is not known counts as no: an engine in a VM, in
 * a container, on another machine.
 */
export async function sameHost(
  info: EngineInfo,
  options: {
    readonly signal: AbortSignal;
    /** A port that the engine could not have, because somebody has it. */
    readonly taken?: HostPort | undefined;
  },
): Promise<SameHost> {
  const { taken, signal } = options;
  if (taken === undefined || !info.endpoint.startsWith("unix://")) return sameHostByName(info, hostname());
  const port = `port ${taken.number}/${taken.protocol}`;
  return (await isBusyHere(taken, signal))
    ? { same: true, because: `${port} is taken on this machine as well` }
    : { same: false, because: `${port} is taken where the engine runs, and free here` };
}

async function isBusyHere(port: HostPort, signal: AbortSignal): Promise<boolean> {
  const { ipv4, ipv6 } = await probePort(port, { signal });
  return ipv4 === "in-use" || ipv6 === "in-use";
}

/** What the engine's endpoint and its machine's name prove. Pure. */
export function sameHostByName(info: EngineInfo, ownName: string): SameHost {
  if (info.product === "process") return { same: true, because: "processes run on this machine" };
  if (!info.endpoint.startsWith("unix://")) {
    return { same: false, because: `the engine at ${info.endpoint} may be on another machine` };
  }
  const name = info.host?.name ?? "";
  if (name !== "" && name === ownName) {
    return { same: true, because: `the engine runs on "${name}", which is this machine` };
  }
  return {
    same: false,
    because:
      name === ""
        ? "the engine does not tell which machine it is on"
        : `the engine is on "${name}" and not on this machine`,
  };
}
