import { indexOf } from "../manifest/stack-index.ts";
import type { ContainerSpec, PortMapping } from "../model/container-spec.ts";
import type { ResolvedResource, Resource, Stack } from "../model/stack.ts";
import { configHash } from "./config-hash.ts";
import { containerName, networkName, resourceLabels, type StackIdentity } from "./names.ts";

/** What a container or process is made from, and the hash that tells whether an existing one still fits. */
export interface BuiltSpec {
  readonly spec: ContainerSpec;
  readonly hash: string;
}

/** Everything besides the resource itself that goes into its container. */
export interface SpecContext {
  readonly stack: Stack;
  readonly identity: StackIdentity;
  readonly resource: Resource;
  readonly resolved: ResolvedResource;
  readonly freeHostPorts: boolean;
  /** `LSH_*` variables from its dependencies; what the manifest sets wins. */
  readonly injected: Readonly<Record<string, string>>;
  /** Names of injected variables that change without the configuration changing. */
  readonly volatile: ReadonlySet<string>;
}

/** The container or process of a resource. Undefined for `external`, which Lash does not run. */
export function buildSpec(context: SpecContext): BuiltSpec | undefined {
  const { stack, identity, resource, resolved, injected, volatile } = context;
  const declared = workSpec(stack, resolved, indexOf(stack).neededByHost.has(resource.name));
  if (declared === undefined) return undefined;
  const base = { ...declared, ports: declared.ports?.map((port) => hostPortOf(port, context)) };
  const wanted = { ...base, env: { ...injected, ...base.env } };
  const hash = configHash(wanted, new Set([...volatile].filter((name) => !(name in base.env))));
  const labels = resourceLabels(identity, resource, {
    configHash: hash,
    stopGraceMs: resolved.stopGraceMs,
    bundle: stack.bundle,
    movedPorts: stack.movedPorts,
  });
  return {
    spec: {
      ...wanted,
      name: containerName(stack.project, resource.name),
      labels: { ...base.labels, ...labels },
    },
    hash,
  };
}

function workSpec(
  stack: Stack,
  resolved: ResolvedResource,
  publish: boolean,
): (Omit<ContainerSpec, "name"> & { readonly name?: never }) | undefined {
  const { work } = resolved;
  switch (work.type) {
    case "external":
      return undefined;
    case "process":
      return {
        labels: {},
        image: "",
        command: work.command,
        env: work.env,
        workingDir: work.workingDir,
        stopSignal: work.stopSignal,
      };
    case "container": {
      const reference = work.image.type === "pull" ? work.image.reference : work.image.tag;
      return {
        ...work.spec,
        labels: work.labels ?? {},
        image: reference,
        hostname: work.spec.hostname ?? resolved.name,
        ports: publish ? publishFirst(work.spec.ports ?? [], resolved.exposed.ports) : work.spec.ports,
        networks: [
          {
            name: networkName(stack.project),
            aliases: [resolved.name, `${stack.project}_${resolved.name}`],
          },
          ...(work.networks ?? []).map((name) => ({ name, aliases: [resolved.name] })),
        ],
        restart: engineRestart(resolved),
      };
    }
  }
}

/** `always` and `unless-stopped` are also the engine's business: they survive a reboot and a lost supervisor. */
function engineRestart(resolved: ResolvedResource): ContainerSpec["restart"] {
  const { mode } = resolved.restart;
  return mode === "always" || mode === "unless-stopped" ? { name: mode } : undefined;
}

function hostPortOf(port: PortMapping, { freeHostPorts, stack }: SpecContext): PortMapping {
  if (port.hostPort === undefined) return port;
  if (freeHostPorts) return { ...port, hostPort: 0 };
  const moved = stack.movedPorts.get(port.hostPort);
  return moved === undefined ? port : { ...port, hostPort: moved };
}

/** Publishes the first exposed port on a free loopback port, unless the manifest publishes it somewhere already. */
function publishFirst(ports: readonly PortMapping[], exposed: readonly number[]): readonly PortMapping[] {
  const [first] = exposed;
  if (first === undefined) return ports;
  const published = ports.some((port) => port.containerPort === first && port.hostPort !== undefined);
  if (published) return ports;
  return [...ports, { hostIp: "127.0.0.1", hostPort: 0, containerPort: first, protocol: "tcp" }];
}
