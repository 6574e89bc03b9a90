import { isIPv6 } from "node:net";
import type { Advice, Failure, HostPort } from "../recovery/failure.ts";
import type { PortHolder } from "../recovery/port-holder.ts";
import type { PortState } from "../stack/port-holder.ts";
import { choosePorts, type PortSituation } from "../stack/recovery/port-decision.ts";
import { type Check, counted, note, ok, problem, skipped } from "./doctor-report.ts";
import type { WantedPort } from "./doctor-wants.ts";

/** A wanted port and how it stands. */
export interface SeenPort extends WantedPort {
  readonly state: PortState["state"];
  readonly holder: PortState["holder"];
  readonly probe: PortState["probe"];
  /** What has it is this stack's own. */
  readonly ours: boolean;
  /** What has it is of this project, but of another manifest or machine. */
  readonly elsewhere: boolean;
  /** A running resource of this stack that publishes the number, on whichever address. */
  readonly takenByUs: string | undefined;
}

/** What decides whether an `up` would move to other ports, besides the port that is taken. */
export type MoveFacts = Omit<PortSituation, "takenByUs">;

export interface PortFacts {
  readonly rootless: boolean;
  /** Why ports of the engine cannot be tried here; undefined where they can. */
  readonly elsewhere: string | undefined;
  readonly moves: MoveFacts;
}

/** What the ports of the manifest mean for an `up`. Pure. */
export function judgePorts(ports: readonly SeenPort[], facts: PortFacts): Check {
  if (ports.length === 0) return skipped("ports", "the manifest publishes none");
  const verdicts = ports.map((seen) => ({ seen, ...judgePort(seen, facts) }));
  const problems = verdicts.flatMap(({ failure }) => failure ?? []);
  const remarks = verdicts.flatMap(({ remark }) => remark ?? []);
  if (problems.length > 0) {
    const said = [`${problems.length} of ${ports.length} cannot be had`, ...remarks];
    return problem("ports", said.join("; "), problems);
  }
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
    // That the project is in use elsewhere is the problem, and told by itself.
    if (seen.elsewhere) return { remark: `${portText(port)} is taken by ${holderWords(holder)} elsewhere` };
    const failure = portInUse(seen, holder);
    const move = moveOf(seen, failure, facts.moves);
    return move === undefined ? { failure } : { remark: `${failure.message}, and ${move}` };
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

/** What an `up` would do about a port that is taken; undefined where it would fail. */
function moveOf(
  { native, holder, takenByUs }: SeenPort,
  failure: Failure,
  moves: MoveFacts,
): string | undefined {
  // A native process fails by itself, and a reserved port is another failure: neither is repaired.
  if (native || holder?.type === "reserved") return undefined;
  const decision = choosePorts(failure, { ...moves, takenByUs });
  if (decision.type === "give-up") return undefined;
  // Which free port it will be is not known before.
  if (decision.repair.name === "use-free-port") return "`lash up` will take another port for it";
  return `\`lash up\` will move to ${decision.repair.what}`;
}

function portInUse({ resource, port }: SeenPort, holder: PortHolder): Failure {
  return {
    code: "port-in-use",
    subject: resource,
    message: `host port ${portText(port)}, wanted by "${resource}", is taken by ${holderWords(holder)}`,
    evidence: "",
    details: { port },
    holder,
    advice: holderAdvice(holder),
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

/** How the ports of the bundles that are not in use stand. Pure. */
export function judgeOtherBundles(ports: readonly BundlePort[]): Check {
  if (ports.length === 0) return skipped("other bundles", "the manifest declares no other port bundle");
  const bundles = [...new Set(ports.map(({ bundle }) => bundle))];
  const said = bundles.map((bundle) => {
    const mine = ports.filter((each) => each.bundle === bundle);
    const words = mine.map(
      ({ name, port, state, holder }) => `${name} ${numberText(port)} ${stateWords(state, holder)}`,
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

/** What is not said is TCP. */
function numberText({ number, protocol }: HostPort): string {
  return protocol === "tcp" ? String(number) : `${number}/${protocol}`;
}

function portText({ address, number, protocol }: HostPort): string {
  if (address === "") return `${number}/${protocol}`;
  return `${isIPv6(address) ? `[${address}]` : address}:${number}/${protocol}`;
}
