import type { ContainerFacts } from "../../engine/facts.ts";
import { findFreePort } from "../../host/free-port.ts";
import { label } from "../../model/labels.ts";
import type { Failure, HostPort } from "../../recovery/failure.ts";
import type { StackContext } from "../context.ts";
import { type PortState, portFreedom } from "../port-holder.ts";
import { sameHost } from "../same-host.ts";
import { nextBundle, type PortSituation, type TargetPort } from "./port-decision.ts";
import type { IdleNetwork, Namesake } from "./repairs.ts";

/** How long looking at a situation may take: a report must not wait for it. */
const lookTimeoutMs = 10_000;

/** Looks at what a failed port could be replaced with. Changes nothing. */
export async function lookAtPorts(
  context: StackContext,
  failure: Failure,
  chosen: ReadonlySet<string>,
): Promise<PortSituation | undefined> {
  const { stack, settings } = context;
  const engine = settings.engines.container;
  const port = failure.details?.port;
  if (engine === undefined || port === undefined) return undefined;
  const signal = AbortSignal.timeout(lookTimeoutMs);
  const host = await sameHost(await context.infoOf(engine, signal), { signal, taken: port });
  const bundle = nextBundle(stack.bundles, stack.bundle);
  const isFreeWanted = stack.recovery.ports === "any-free";
  const wanted = Object.entries(bundle?.ports ?? {}).map(([name, number]) => ({
    name,
    port: { address: "", number, protocol: protocolOf(context, number) },
  }));
  const options = { signal, project: stack.project, sameHost: host };
  const [containers, processes, freePort] = await Promise.all([
    engine.list({}, { signal }),
    settings.engines.process?.list({ [label.project]: stack.project }, { signal }) ?? [],
    isFreeWanted && host.same ? findFreePort({ protocol: port.protocol, signal }) : undefined,
  ]);
  const isProbed = bundle !== undefined && !isFreeWanted;
  const states = isProbed
    ? await portFreedom(
        containers,
        wanted.map((each) => each.port),
        options,
      )
    : undefined;
  const running = [...containers, ...processes].filter(
    ({ state, labels }) => state === "running" && labels[label.project] === stack.project,
  );
  const resourceOf = (facts: ContainerFacts): string => facts.labels[label.resource] ?? "";
  return {
    policy: stack.recovery.ports,
    bundles: stack.bundles,
    current: { bundle: stack.bundle, moved: stack.movedPorts },
    target: states?.ports.map((state, at) => targetPort(wanted[at]?.name ?? "", state, host.because)),
    freePort: freePort ?? { because: host.same ? "no free port was found" : host.because },
    others: running
      .map(resourceOf)
      .filter((name) => !chosen.has(name) && context.resource(name) !== undefined),
    takenByUs: running
      .filter(({ ports }) =>
        ports.some(({ hostPort, protocol }) => hostPort === port.number && protocol === port.protocol),
      )
      .map(resourceOf)[0],
  };
}

function targetPort(name: string, { port, state, holder }: PortState, why: string): TargetPort {
  return { name, number: port.number, state, detail: state === "held" ? heldBy(holder) : why };
}

function heldBy(holder: PortState["holder"]): string {
  if (holder?.type === "container") return `is published by container "${holder.container}"`;
  if (holder?.type === "process" && holder.name !== undefined) return `is held by process "${holder.name}"`;
  return "is taken";
}

/** The protocol that the manifest publishes a port with; TCP unless it says otherwise. */
function protocolOf({ stack }: StackContext, number: number): HostPort["protocol"] {
  const current = stack.bundles.find(({ name }) => name === stack.bundle)?.ports ?? {};
  const target = nextBundle(stack.bundles, stack.bundle)?.ports ?? {};
  const [name = ""] = Object.entries(target).find(([, port]) => port === number) ?? [];
  const published = stack.resources.flatMap(({ declared }) => {
    const ports = declared["ports"];
    return Array.isArray(ports) ? ports.map(String) : [];
  });
  const mapping = published.find((text) => text.split(/[:/]/).includes(String(current[name])));
  return mapping?.endsWith("/udp") === true ? "udp" : mapping?.endsWith("/sctp") === true ? "sctp" : "tcp";
}

/** Who has the name of a container that could not be created. */
export async function lookAtNamesake(
  context: StackContext,
  container: string,
): Promise<Namesake | undefined> {
  const { engines, identity } = context.settings;
  const signal = AbortSignal.timeout(lookTimeoutMs);
  const facts = await engines.container?.inspect(container, { signal });
  if (facts === undefined) return undefined;
  const ours =
    facts.labels[label.project] === identity.project &&
    facts.labels[label.manifest] === identity.manifestPath &&
    facts.labels[label.machine] === identity.machine;
  return {
    id: facts.id,
    name: facts.name,
    ours,
    running: facts.state === "running" || facts.state === "paused",
  };
}

/** Networks that Lash made on this machine, that nothing is connected to, and whose project has no container left. */
export async function lookForIdleNetworks(context: StackContext): Promise<readonly IdleNetwork[]> {
  const { engines, identity, whileUnheld } = context.settings;
  const engine = engines.container;
  if (engine?.networks === undefined || whileUnheld === undefined) return [];
  const signal = AbortSignal.timeout(lookTimeoutMs);
  const own = { [label.project]: "", [label.machine]: identity.machine };
  const [networks, containers] = await Promise.all([
    engine.networks.list(own, { signal }),
    engine.list(own, { signal }),
  ]);
  const inUse = new Set(containers.map(({ labels }) => labels[label.project]));
  return networks
    .map(({ id, name, labels, containers: connected }) => ({
      id,
      name,
      connected,
      project: labels[label.project] ?? "",
    }))
    .filter(
      ({ project, connected }) =>
        connected.length === 0 && !inUse.has(project) && project !== identity.project,
    )
    .map(({ id, name, project }) => ({ id, name, project }));
}
