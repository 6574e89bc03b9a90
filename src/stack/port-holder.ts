import { isIPv4 } from "node:net";
import { isAbsolute, join } from "node:path";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { addressesMeet } from "../host/listener.ts";
import { type PortProbe, probePort } from "../host/port-probe.ts";
import { findListeners, whoListens } from "../host/who-listens.ts";
import type { PortMapping } from "../model/container-spec.ts";
import { label } from "../model/labels.ts";
import type { HostPort } from "../recovery/failure.ts";
import type { PortHolder } from "../recovery/port-holder.ts";
import type { SameHost } from "./same-host.ts";

/** Labels of Compose v1 and v2 on its containers. */
const compose = {
  project: "com.docker.compose.project",
  files: "com.docker.compose.project.config_files",
  folder: "com.docker.compose.project.working_dir",
} as const;

export interface HolderOptions {
  readonly signal: AbortSignal;
  /** Project that wants the port. */
  readonly project: string;
  /** Whether the engine's ports are this machine's; see same-host.ts. */
  readonly sameHost: SameHost;
}

/** Who has a host port of this engine: a container of it, else whoever this machine shows. Looks and touches nothing. */
export async function holderOf(engine: Engine, port: HostPort, options: HolderOptions): Promise<PortHolder> {
  const containers = await engine.list({}, { signal: options.signal });
  return await holderAmong(containers, port, options);
}

/** The same for containers that were listed before. */
export async function holderAmong(
  containers: readonly ContainerFacts[],
  port: HostPort,
  options: HolderOptions,
): Promise<PortHolder> {
  const holder = containerWith(containers, port);
  if (holder !== undefined) return containerHolder(holder, options.project);
  if (!options.sameHost.same) {
    return {
      type: "unknown",
      because: `no container of the engine publishes it, and ${options.sameHost.because}`,
    };
  }
  return await whoListens(port, { signal: options.signal });
}

/** The container that publishes this port on an address in the way. Pure. */
export function containerWith(
  containers: readonly ContainerFacts[],
  port: HostPort,
): ContainerFacts | undefined {
  const publishes = ({ hostPort, protocol }: PortMapping): boolean =>
    hostPort === port.number && protocol === port.protocol;
  // An engine that publishes on "::" alone binds IPv6 alone, unlike other programs.
  const apart = (hostIp: string): boolean => hostIp === "::" && isIPv4(port.address);
  const meets = (mapping: PortMapping): boolean =>
    publishes(mapping) && addressesMeet(port.address, mapping.hostIp) && !apart(mapping.hostIp);
  return containers.find(({ ports }) => ports.some(meets));
}

/** What a container's labels say of where it comes from. Pure. */
export function containerHolder({ name, labels }: ContainerFacts, project: string): PortHolder {
  const ours = labels[label.project];
  if (ours !== undefined) {
    return {
      type: "container",
      container: name,
      by: "lash",
      project: ours,
      file: labels[label.manifest],
      ours: ours === project,
    };
  }
  const [file = ""] = (labels[compose.files] ?? "").split(",");
  const folder = labels[compose.folder] ?? "";
  return {
    type: "container",
    container: name,
    by: labels[compose.project] === undefined ? undefined : "compose",
    project: labels[compose.project],
    // Compose v1 wrote it relative to its folder.
    file: file === "" ? undefined : isAbsolute(file) || folder === "" ? file : join(folder, file),
    ours: false,
  };
}

/** One host port of a bundle that somebody would like to have. */
export interface PortState {
  readonly port: HostPort;
  /** "free": no container publishes it, and binding it here worked. "unknown": the first, but not the second. */
  readonly state: "free" | "held" | "unknown";
  /** Of a held one. */
  readonly holder: PortHolder | undefined;
  /** What binding here said; undefined where that would mean nothing. */
  readonly probe: PortProbe | undefined;
}

export interface PortFreedom {
  readonly ports: readonly PortState[];
  readonly sameHost: SameHost;
  /** Every port is free, and that is known. */
  readonly free: boolean;
}

/**
 * For each port whether it is free, by the engine's own containers and by binding it here on IPv4 and IPv6. One after
 * the other: two looks at one number at once are in each other's way.
 */
export async function portFreedom(
  containers: readonly ContainerFacts[],
  ports: readonly HostPort[],
  options: HolderOptions,
): Promise<PortFreedom> {
  const states: PortState[] = [];
  for (const port of ports) states.push(await portState(containers, port, options));
  return {
    ports: states,
    sameHost: options.sameHost,
    free: states.every(({ state }) => state === "free"),
  };
}

/** How one port stands, given the engine's containers. */
export async function portState(
  containers: readonly ContainerFacts[],
  port: HostPort,
  options: HolderOptions,
): Promise<PortState> {
  const container = containerWith(containers, port);
  if (container !== undefined) {
    return { port, state: "held", holder: containerHolder(container, options.project), probe: undefined };
  }
  if (!options.sameHost.same) return { port, state: "unknown", holder: undefined, probe: undefined };
  const probe = await probePort(port, options);
  if (probe.free) return { port, state: "free", holder: undefined, probe };
  if ([probe.ipv4, probe.ipv6].includes("in-use")) {
    return { port, state: "held", holder: await whoListens(port, options), probe };
  }
  if ([probe.ipv4, probe.ipv6].includes("denied")) return await byTables(port, probe, options);
  return { port, state: "unknown", holder: undefined, probe };
}

/** A port that only the engine may bind: the list of sockets tells whether somebody has it. */
async function byTables(port: HostPort, probe: PortProbe, options: HolderOptions): Promise<PortState> {
  const { listeners } = await findListeners(port, options);
  if (listeners === undefined) return { port, state: "unknown", holder: undefined, probe };
  if (listeners.length === 0) return { port, state: "free", holder: undefined, probe };
  return { port, state: "held", holder: await whoListens(port, options), probe };
}
