import type { PortMapping } from "../../model/container-spec.ts";
import type { Resource } from "../../model/stack.ts";
import type { StackContext } from "../context.ts";
import { resolve } from "../resolve.ts";

/** A port of the host that a resource is to be published on. */
export interface PublishedPort {
  readonly address: string;
  readonly hostPort: number;
  readonly protocol: PortMapping["protocol"];
}

/** The host ports that a resource asks for by number; empty while what it is made from is not known. */
export function publishedPorts(context: StackContext, resource: Resource): readonly PublishedPort[] {
  const resolution = resolve(context, resource);
  if (resolution.type === "deferred") return [];
  return (resolution.built?.spec.ports ?? []).flatMap(({ hostIp, hostPort, protocol }) =>
    hostPort === undefined || hostPort === 0 ? [] : [{ address: hostIp, hostPort, protocol }],
  );
}
