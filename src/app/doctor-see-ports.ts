import type { ContainerFacts } from "../engine/facts.ts";
import { findFreePort } from "../host/free-port.ts";
import { label } from "../model/labels.ts";
import type { Stack } from "../model/stack.ts";
import type { HostPort } from "../recovery/failure.ts";
import { containerName } from "../stack/names.ts";
import type { Observed } from "../stack/observe.ts";
import { containerWith, type HolderOptions, type PortState, portState } from "../stack/port-holder.ts";
import { nextBundle, type PortSituation } from "../stack/recovery/port-decision.ts";
import type { SameHost } from "../stack/same-host.ts";
import { isOf, type Owner } from "./doctor-own.ts";
import { type BundlePort, holderWords, type MoveFacts, type SeenPort } from "./doctor-ports.ts";
import type { WantedPort, Wants } from "./doctor-wants.ts";

export interface PortLook {
  readonly owner: Owner;
  /** What exists of the project, processes too. */
  readonly own: readonly Observed[];
  /** Every container of the engine. */
  readonly containers: readonly ContainerFacts[];
  readonly host: SameHost;
  /** Whether the caller chose the bundle, so that nothing moves the ports. */
  readonly isFixed: boolean;
  readonly signal: AbortSignal;
}

export interface SeenPorts {
  readonly ports: readonly SeenPort[];
  readonly bundles: readonly BundlePort[];
  readonly moves: MoveFacts;
}

const thisMachine: SameHost = { same: true, because: "it is a port of this machine" };

/** How the ports that are wanted stand, and those an `up` could move to. */
export async function seePorts(stack: Stack, wants: Wants, look: PortLook): Promise<SeenPorts> {
  const turn = takeTurns();
  const [ports, bundles] = await Promise.all([
    Promise.all(
      wants.ports.map(async (wanted) => await turn(wanted.port, async () => await seePort(wanted, look))),
    ),
    Promise.all(
      wants.otherBundles.map(async ({ bundle, name, port }) => {
        const state = await turn(port, async () => await stateOf(port, look.host, look));
        return { bundle, name, ...state };
      }),
    ),
  ]);
  return { ports, bundles, moves: await lookAtMoves(stack, { ports, bundles }, look) };
}

/** Two attempts to bind one number would meet each other, so they wait for each other. */
function takeTurns(): <T>(port: HostPort, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async <T>({ number, protocol }: HostPort, work: () => Promise<T>): Promise<T> => {
    const key = `${number}/${protocol}`;
    const mine = (last.get(key) ?? Promise.resolve()).then(work, work);
    last.set(key, mine);
    return await mine;
  };
}

async function stateOf(port: HostPort, sameHost: SameHost, look: PortLook): Promise<PortState> {
  const options: HolderOptions = { signal: look.signal, project: look.owner.project, sameHost };
  return await portState(look.containers, port, options);
}

async function seePort(wanted: WantedPort, look: PortLook): Promise<SeenPort> {
  const { port, native, resource } = wanted;
  const { owner, containers, own, host } = look;
  const state = await stateOf(port, native ? thisMachine : host, look);
  const container = containerWith(containers, port);
  const { holder } = state;
  const isHolderOurs = container !== undefined && isOf(owner, container);
  const running = own.filter(({ facts }) => facts.state === "running");
  const isOurs = native
    ? running.some((each) => each.resource === resource && isOf(owner, each.facts))
    : isHolderOurs;
  return {
    ...wanted,
    ...state,
    holder: holder?.type === "container" ? { ...holder, ours: isHolderOurs } : holder,
    ours: isOurs,
    elsewhere: !isOurs && container?.labels[label.project] === owner.project,
    takenByUs: running.find(({ facts }) =>
      facts.ports.some(({ hostPort, protocol }) => hostPort === port.number && protocol === port.protocol),
    )?.resource,
  };
}

/** What `up` would look at before it moves the stack: see lookAtPorts in src/stack/recovery. */
async function lookAtMoves(
  stack: Stack,
  { ports, bundles }: Pick<SeenPorts, "ports" | "bundles">,
  { host, isFixed, signal }: PortLook,
): Promise<MoveFacts> {
  const next = nextBundle(stack.bundles, stack.bundle);
  const isFreeWanted = stack.recovery.ports === "any-free";
  const held = ports.filter((each) => each.state === "held" && !each.ours && !each.native);
  return {
    policy: stack.recovery.ports,
    isFixed,
    bundles: stack.bundles,
    current: { bundle: stack.bundle, moved: stack.movedPorts },
    target:
      next === undefined || isFreeWanted
        ? undefined
        : bundles
            .filter(({ bundle }) => bundle === next.name)
            .map((each) => ({ name: each.name, number: each.port.number, ...targetState(each, stack) })),
    freePorts: isFreeWanted && held.length > 0 ? await freePorts(held, host, signal) : undefined,
    // A plain `up` brings up everything.
    others: [],
  };
}

function targetState(
  { state, holder }: BundlePort,
  { project, resources }: Stack,
): { readonly state: PortState["state"]; readonly detail: string } {
  // It stays where it is, or makes room.
  const isOurs =
    holder?.type === "container" &&
    resources.some(({ name }) => holder.container === containerName(project, name));
  if (isOurs) return { state: "free", detail: "" };
  return { state, detail: holder === undefined ? state : `is taken by ${holderWords(holder)}` };
}

async function freePorts(
  held: readonly SeenPort[],
  host: SameHost,
  signal: AbortSignal,
): Promise<PortSituation["freePorts"]> {
  if (!host.same) return { because: host.because };
  const found = new Map<number, number>();
  for (const { port } of held) {
    if (found.has(port.number)) continue;
    const free = await findFreePort({ protocol: port.protocol, signal });
    if (free === undefined) return { because: "no free port was found" };
    found.set(port.number, free);
  }
  return found;
}
