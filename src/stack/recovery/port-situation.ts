import type { ContainerFacts } from "../../engine/facts.ts";
import { findFreePort } from "../../host/free-port.ts";
import { label } from "../../model/labels.ts";
import type { Failure, HostPort } from "../../recovery/failure.ts";
import type { StackContext } from "../context.ts";
import { containerName } from "../names.ts";
import { type HolderOptions, type PortState, portFreedom } from "../port-holder.ts";
import { sameHost } from "../same-host.ts";
import { nextBundle, type PortSituation, type TargetPort } from "./port-decision.ts";
import { publishedPorts } from "./published-ports.ts";

interface Seen {
  readonly context: StackContext;
  /** Names of the resources that this `up` brings up. */
  readonly chosen: ReadonlySet<string>;
  /** Every container of the engine. */
  readonly containers: readonly ContainerFacts[];
  readonly options: HolderOptions;
}

/** Looks at what a port that is taken could be replaced with. Changes nothing. */
export async function lookAtPorts(
  context: StackContext,
  failure: Failure,
  { chosen, signal }: { readonly chosen: ReadonlySet<string>; readonly signal: AbortSignal },
): Promise<PortSituation | undefined> {
  const { stack, settings } = context;
  const engine = settings.engines.container;
  const port = failure.details?.port;
  if (engine === undefined || port === undefined) return undefined;
  const [host, containers, processes] = await Promise.all([
    sameHost(await context.infoOf(engine, signal), { signal, taken: port }),
    engine.list({}, { signal }),
    settings.engines.process?.list({ [label.project]: stack.project }, { signal }) ?? [],
  ]);
  const options = { signal, project: stack.project, sameHost: host };
  const seen: Seen = { context, chosen, containers, options };
  const isFreeWanted = stack.recovery.ports === "any-free";
  const running = [...containers, ...processes].filter(
    ({ state, labels }) => state === "running" && labels[label.project] === stack.project,
  );
  const resourceOf = (facts: ContainerFacts): string => facts.labels[label.resource] ?? "";
  return {
    policy: stack.recovery.ports,
    isFixed: settings.restack === undefined,
    bundles: stack.bundles,
    current: { bundle: stack.bundle, moved: stack.movedPorts },
    target: isFreeWanted ? undefined : await targetPorts(seen),
    freePorts: isFreeWanted ? await freePorts(seen, port) : undefined,
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

/** How the ports of the next bundle stand, each in every protocol that it is published with. */
async function targetPorts(seen: Seen): Promise<readonly TargetPort[] | undefined> {
  const { stack } = seen.context;
  const bundle = nextBundle(stack.bundles, stack.bundle);
  if (bundle === undefined) return undefined;
  const current = stack.bundles.find(({ name }) => name === stack.bundle)?.ports ?? {};
  const published = stack.resources.flatMap((resource) => publishedPorts(seen.context, resource));
  const wanted = Object.entries(bundle.ports).flatMap(([name, number]) => {
    const protocols = published.filter(({ hostPort }) => hostPort === current[name]);
    const distinct = new Set(protocols.map(({ protocol }) => protocol));
    return [...(distinct.size === 0 ? (["tcp"] as const) : distinct)].map((protocol) => ({
      name,
      port: { address: "", number, protocol },
    }));
  });
  const { ports } = await portFreedom(
    seen.containers,
    wanted.map(({ port }) => port),
    seen.options,
  );
  return ports.map((state, at) => targetPort(wanted[at]?.name ?? "", state, seen));
}

function targetPort(name: string, { port, state, holder }: PortState, seen: Seen): TargetPort {
  // It stays where it is, or makes room: both are this very `up`'s doing.
  const { project } = seen.context.stack;
  const isOurs =
    holder?.type === "container" &&
    [...seen.chosen].some((resource) => holder.container === containerName(project, resource));
  if (isOurs) return { name, number: port.number, state: "free", detail: "" };
  const detail = state === "held" ? heldBy(holder) : seen.options.sameHost.because;
  return { name, number: port.number, state, detail };
}

function heldBy(holder: PortState["holder"]): string {
  if (holder?.type === "container") return `is published by container "${holder.container}"`;
  if (holder?.type === "process" && holder.name !== undefined) return `is held by process "${holder.name}"`;
  return "is taken";
}

/** For every host port that somebody else has, this one and those that would fail next, another that nobody has. */
async function freePorts(seen: Seen, taken: HostPort): Promise<PortSituation["freePorts"]> {
  const { context, chosen, containers, options } = seen;
  if (!options.sameHost.same) return { because: options.sameHost.because };
  const published = context.stack.resources
    .filter(({ name }) => chosen.has(name))
    .flatMap((resource) => publishedPorts(context, resource))
    .map(({ address, hostPort, protocol }) => ({ address, number: hostPort, protocol }));
  const states = await portFreedom(containers, published, options);
  const held = states.ports.filter((state) => targetPort("", state, seen).state === "held");
  const moved = new Map<number, number>();
  for (const port of [taken, ...held.map((state) => state.port)]) {
    if (moved.has(port.number)) continue;
    const free = await findFreePort({ protocol: port.protocol, signal: options.signal });
    if (free === undefined) return { because: "no free port was found" };
    moved.set(port.number, free);
  }
  return moved;
}
