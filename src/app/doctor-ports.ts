import { isIPv6 } from "node:net";
import type { Stack } from "../model/stack.ts";
import type { Advice, Failure, HostPort } from "../recovery/failure.ts";
import type { PortHolder } from "../recovery/port-holder.ts";
import type { PortState } from "../stack/port-holder.ts";
import { nextBundle } from "../stack/recovery/port-decision.ts";
import { type Check, counted, note, ok, problem, skipped } from "./doctor-report.ts";
import type { WantedPort } from "./doctor-wants.ts";

/** A wanted port and how it stands. */
export interface SeenPort extends WantedPort {
  readonly state: PortState["state"];
  readonly holder: PortState["holder"];
  readonly probe: PortState["probe"];
  /** What has it is this stack's own. */
  readonly ours: boolean;
}

export interface PortFacts {
  readonly rootless: boolean;
  /** Why ports of the engine cannot be tried here; undefined where they can. */
  readonly elsewhere: string | undefined;
  /** The port bundle that an `up` would move to, and the ports it would move; undefined where there is none. */
  readonly wayOut: { readonly bundle: string; readonly ports: readonly number[] } | undefined;
}

/** What the ports of the manifest mean for an `up`. Pure. */
export function judgePorts(ports: readonly SeenPort[], facts: PortFacts): Check {
  if (ports.length === 0) return skipped("ports", "the manifest publishes none");
  const verdicts = ports.map((seen) => ({ seen, ...judgePort(seen, facts) }));
  const problems = verdicts.flatMap(({ failure }) => failure ?? []);
  if (problems.length > 0) {
    return problem("ports", `${problems.length} of ${ports.length} cannot be had`, problems);
  }
  const remarks = verdicts.flatMap(({ remark }) => remark ?? []);
  if (remarks.length > 0) return note("ports", remarks.join("; "));
  const own = ports.filter(({ ours }) => ours).length;
  const free = ports.length - own;
  const parts = [
    free === 0 ? "" : `${counted(free, "port")} free`,
    own === 0 ? "" : `${counted(own, "port")} held by this stack itself`,
  ];
  return ok("ports", parts.filter((each) => each !== "").join(", "));
}

function judgePort(
  seen: SeenPort,
  facts: PortFacts,
): { readonly failure?: Failure | undefined; readonly remark?: string | undefined } {
  const { port, state, holder, probe, native } = seen;
  if (seen.ours) return {};
  if (state === "held" && holder !== undefined) {
    if (!isInTheWay(seen)) {
      return { remark: `${portText(port)} is free, but somebody has it on ${otherFamily(port)}` };
    }
    return { failure: portInUse(seen, holder, facts) };
  }
  const answers = probe === undefined ? [] : [probe.ipv4, probe.ipv6];
  if (answers.includes("no-such-address")) return { failure: addressMissing(seen) };
  if (answers.includes("denied") && (native || facts.rootless)) return { failure: privileged(seen) };
  if (state === "free") return {};
  if (facts.elsewhere !== undefined && !native) {
    return { remark: `${portText(port)} cannot be tried from here: ${facts.elsewhere}` };
  }
  return { remark: `${portText(port)}: whether it is free cannot be found out` };
}

/** Whether the holder is on a family that publishing needs: an address of IPv4 needs nothing of IPv6. */
function isInTheWay({ port, probe, holder }: SeenPort): boolean {
  if (holder?.type === "container" || probe === undefined) return true;
  if (port.address === "") return true;
  return (isIPv6(port.address) ? probe.ipv6 : probe.ipv4) !== "free";
}

function otherFamily({ address }: HostPort): string {
  return isIPv6(address) ? "IPv4" : "IPv6";
}

function portInUse(
  { resource, port }: SeenPort,
  holder: PortHolder,
  { wayOut }: Pick<PortFacts, "wayOut">,
): Failure {
  const moves =
    wayOut?.ports.includes(port.number) === true
      ? [{ text: `\`lash up\` will move to port bundle "${wayOut.bundle}", whose ports are free` }]
      : [];
  return {
    code: "port-in-use",
    subject: resource,
    message: `host port ${portText(port)}, wanted by "${resource}", is taken by ${holderWords(holder)}`,
    evidence: "",
    details: { port },
    holder,
    advice: [...moves, ...holderAdvice(holder)],
  };
}

/** Who it is, in a few words. */
export function holderWords(holder: PortHolder): string {
  switch (holder.type) {
    case "container": {
      const from = holder.project === undefined ? "" : ` of project "${holder.project}"`;
      return `container "${holder.container}"${from}`;
    }
    case "process":
      if (holder.pid === undefined) return `a process that we may not see, on ${holder.address}`;
      return `process "${holder.name ?? ""}" (pid ${holder.pid}) on ${holder.address}`;
    case "other-engine":
      return `another engine on this machine ("${holder.name}", pid ${holder.pid})`;
    case "reserved":
      return `the system's reserved range ${holder.range}`;
    case "unknown":
      return `somebody unknown: ${holder.because}`;
  }
}

function holderAdvice(holder: PortHolder): readonly Advice[] {
  const other = { text: "Declare another host port, or a second port bundle, in the manifest" };
  switch (holder.type) {
    case "container":
      return [
        { text: "If you do not need that container, stop it", command: `docker stop ${holder.container}` },
        other,
      ];
    case "process":
      if (holder.pid === undefined) return [{ text: "Look as root which process it is" }, other];
      return [
        { text: "Look at the process, and end it if it is yours", command: `ps -fp ${holder.pid}` },
        other,
      ];
    case "other-engine":
      return [
        { text: "Look at the containers of the other engine: `docker context ls` lists engines" },
        other,
      ];
    case "reserved":
    case "unknown":
      return [other];
  }
}

function addressMissing({ resource, port }: SeenPort): Failure {
  return {
    code: "host-address-missing",
    subject: resource,
    message: `host address "${port.address}", on which "${resource}" publishes port ${port.number}, is not of this machine`,
    evidence: "",
    details: { port },
    advice: [{ text: "Publish on an address of this machine, or on 127.0.0.1" }],
  };
}

function privileged({ resource, port, native }: SeenPort): Failure {
  const who = native ? "this user" : "a rootless engine";
  return {
    code: "port-privileged",
    subject: resource,
    message: `host port ${portText(port)}, wanted by "${resource}", is below the first that ${who} may open`,
    evidence: "",
    details: { port },
    advice: [{ text: "Use a host port from 1024 on" }],
  };
}

/** A port of a bundle that is not in use, and how it stands. */
export type BundlePort = PortState & { readonly bundle: string; readonly name: string };

/** Where an `up` would go when a port of the bundle in use is taken: the next bundle, if all its ports are free. Pure. */
export function wayOutOf(
  stack: Pick<Stack, "bundles" | "bundle" | "recovery">,
  ports: readonly BundlePort[],
): PortFacts["wayOut"] {
  const next = nextBundle(stack.bundles, stack.bundle);
  if (next === undefined || stack.recovery.ports !== "bundle") return undefined;
  const mine = ports.filter(({ bundle }) => bundle === next.name);
  if (mine.length === 0 || mine.some(({ state }) => state !== "free")) return undefined;
  const current = stack.bundles.find(({ name }) => name === stack.bundle)?.ports ?? {};
  return { bundle: next.name, ports: Object.values(current) };
}

/** How the ports of the bundles that are not in use stand. Pure. */
export function judgeOtherBundles(ports: readonly BundlePort[]): Check {
  if (ports.length === 0) return skipped("other bundles", "the manifest declares no other port bundle");
  const bundles = [...new Set(ports.map(({ bundle }) => bundle))];
  const said = bundles.map((bundle) => {
    const mine = ports.filter((each) => each.bundle === bundle);
    const words = mine.map(
      ({ name, port, state, holder }) => `${name} ${port.number} ${stateWords(state, holder)}`,
    );
    return `"${bundle}": ${words.join(", ")}`;
  });
  return note("other bundles", said.join("; "));
}

function stateWords(state: PortState["state"], holder: PortHolder | undefined): string {
  switch (state) {
    case "free":
      return "free";
    case "held":
      return holder === undefined ? "taken" : `taken by ${holderWords(holder)}`;
    case "unknown":
      return "not known to be free";
  }
}

function portText({ address, number, protocol }: HostPort): string {
  if (address === "") return `${number}/${protocol}`;
  return `${isIPv6(address) ? `[${address}]` : address}:${number}/${protocol}`;
}
