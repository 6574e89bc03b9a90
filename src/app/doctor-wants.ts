import { lower } from "../manifest/lower.ts";
import { indexOf } from "../manifest/stack-index.ts";
import { substitute } from "../manifest/substitute.ts";
import type { ResolvedResource, Resource, Stack } from "../model/stack.ts";
import type { HostPort } from "../recovery/failure.ts";
import { containerName, networkName } from "../stack/names.ts";

/** A host port that an `up` will ask for. */
export interface WantedPort {
  readonly resource: string;
  readonly port: HostPort;
  /** A native process takes it by itself, not the engine. */
  readonly native: boolean;
}

export interface WantedImage {
  readonly resource: string;
  readonly reference: string;
  /** Declared platform. */
  readonly platform: string | undefined;
  readonly source: "pull" | "build";
  readonly policy: "always" | "missing" | "never";
}

/** What a stack asks of its machine and its engine, as far as its manifest tells before anything runs. */
export interface Wants {
  readonly ports: readonly WantedPort[];
  /** Ports of the bundles that are not in use. */
  readonly otherBundles: readonly {
    readonly bundle: string;
    readonly name: string;
    readonly port: HostPort;
  }[];
  readonly binds: readonly { readonly resource: string; readonly source: string }[];
  readonly images: readonly WantedImage[];
  readonly containers: readonly { readonly resource: string; readonly name: string }[];
  /** The stack's own network; undefined when nothing of it is a container. */
  readonly network: string | undefined;
  /** Networks that have to exist already. */
  readonly networks: readonly { readonly resource: string; readonly name: string }[];
}

/** Stands for what is not known yet. No grammar of ports or images takes it, and no path of a person holds it. */
const unknown = "LASH-DOCTOR-UNKNOWN";

/** What a stack wants. What depends on a secret, a missing variable or what an engine will choose is left out. Pure. */
export function wantsOf(stack: Stack): Wants {
  const resolved = stack.resources.map((resource) => resolveForLook(stack, resource));
  const containers = resolved.flatMap(({ name, work }) =>
    work.type === "container" ? [{ name, work }] : [],
  );
  const ports = resolved.flatMap((each) => portsOf(each, stack.movedPorts));
  return {
    ports,
    otherBundles: bundlePorts(stack, ports),
    binds: containers.flatMap(({ name, work }) =>
      (work.spec.mounts ?? [])
        .filter(({ type, source }) => type === "bind" && isKnown(source))
        .map(({ source }) => ({ resource: name, source })),
    ),
    images: containers.flatMap(imagesOf),
    containers: containers.map(({ name }) => ({ resource: name, name: containerName(stack.project, name) })),
    network: containers.length === 0 ? undefined : networkName(stack.project),
    networks: containers.flatMap(({ name, work }) =>
      (work.networks ?? []).filter(isKnown).map((network) => ({ resource: name, name: network })),
    ),
  };
}

function resolveForLook(stack: Stack, resource: Resource): ResolvedResource {
  // Secrets too: what is told of ports, images and paths goes to a terminal.
  const body = substitute(resource.declared, () => unknown);
  const { byName, neededByHost } = indexOf(stack);
  return lower({
    name: resource.name,
    kind: resource.kind,
    body,
    project: stack.project,
    directory: stack.directory,
    dependsOn: resource.dependsOn,
    needsHost: resource.dependsOn.some(({ name }) => byName.get(name)?.kind === "process"),
    neededByHost: neededByHost.has(resource.name),
    generated: () => unknown,
    // What is wrong in itself was found when the manifest was read; here only what is unknown can be.
    report: () => {},
  });
}

function portsOf(
  { name, work }: ResolvedResource,
  moved: ReadonlyMap<number, number>,
): readonly WantedPort[] {
  if (work.type === "process") {
    if (work.port === undefined) return [];
    return [
      { resource: name, native: true, port: { address: "127.0.0.1", number: work.port, protocol: "tcp" } },
    ];
  }
  if (work.type !== "container") return [];
  return (work.spec.ports ?? []).flatMap(({ hostIp, hostPort, protocol }) =>
    hostPort === undefined || hostPort === 0
      ? []
      : [
          {
            resource: name,
            native: false,
            port: { address: hostIp, number: moved.get(hostPort) ?? hostPort, protocol },
          },
        ],
  );
}

/** The ports of the other bundles, each in every protocol that containers publish its counterpart with. */
function bundlePorts(
  { bundles, bundle: current }: Stack,
  wanted: readonly WantedPort[],
): Wants["otherBundles"] {
  const inUse = bundles.find(({ name }) => name === current)?.ports ?? {};
  return bundles
    .filter(({ name }) => name !== current)
    .flatMap(({ name: bundle, ports }) =>
      Object.entries(ports).flatMap(([name, number]) => {
        const same = wanted.filter(({ native, port }) => !native && port.number === inUse[name]);
        const protocols = new Set(same.map(({ port }) => port.protocol));
        return [...(protocols.size === 0 ? (["tcp"] as const) : protocols)].map((protocol) => ({
          bundle,
          name,
          port: { address: "", number, protocol },
        }));
      }),
    );
}

function imagesOf({
  name,
  work,
}: {
  readonly name: string;
  readonly work: Extract<ResolvedResource["work"], { readonly type: "container" }>;
}): readonly WantedImage[] {
  const { image, spec } = work;
  const reference = image.type === "pull" ? image.reference : image.tag;
  if (reference === "" || !isKnown(reference)) return [];
  const policy = image.type === "pull" ? image.policy : "missing";
  const platform = spec.platform !== undefined && isKnown(spec.platform) ? spec.platform : undefined;
  return [{ resource: name, reference, platform, source: image.type, policy }];
}

function isKnown(text: string): boolean {
  return !text.includes(unknown);
}
