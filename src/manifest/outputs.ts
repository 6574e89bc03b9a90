import type { JsonObject } from "../model/json.ts";
import type { Outputs, PublishedPorts, ResolvedResource, ResourceKind, Viewpoint } from "../model/stack.ts";
import { formatUrl } from "../model/url.ts";

const databaseOutputs = ["host", "port", "user", "password", "database", "url"];
const containerOutputs = ["host", "ports", "port", "host_port", "url"];

const outputsOfKind: Readonly<Record<ResourceKind, readonly string[]>> = {
  container: containerOutputs,
  dockerfile: containerOutputs,
  task: ["exit_code"],
  process: ["host", "port", "url"],
  postgres: databaseOutputs,
  mysql: databaseOutputs,
  mariadb: databaseOutputs,
  redis: ["host", "port", "password", "url"],
  external: ["host", "port", "url"],
};

/** Outputs that a resource of this kind can have. */
export function outputNames(kind: ResourceKind): readonly string[] {
  return outputsOfKind[kind];
}

/** Outputs that this resource will have: no `port` and `url` where no port is declared. */
export function declaredOutputs(kind: ResourceKind, body: JsonObject): readonly string[] {
  const names = outputsOfKind[kind];
  if (kind === "external") {
    const fromUrl = "url" in body;
    return names.filter((name) => name in body || (fromUrl && name !== "url"));
  }
  if (kind === "process") return "port" in body ? names : ["host"];
  if (kind !== "container" && kind !== "dockerfile") return names;
  const { ports } = body;
  return Array.isArray(ports) && ports.length > 0 ? names : ["host", "ports"];
}

/**
 * Outputs that are known, as `viewpoint` needs them. `published` undefined means that it does not run yet: fixed host
 * ports are known, others are not. A task's `exit_code` is known once it ended well, so pass its (empty) list then.
 */
export function outputsOf(
  resolved: ResolvedResource,
  published: PublishedPorts | undefined,
  viewpoint: Viewpoint,
): Outputs {
  const { kind, work, exposed } = resolved;
  if (kind === "task") return published === undefined ? {} : { exit_code: "0" };
  if (work.type === "external") return exposed.values;
  const [port] = exposed.ports;
  const isProcess = work.type === "process";
  const hostPort = isProcess || port === undefined ? port : hostPortOf(resolved, published, port);
  const host = hostOf(resolved, viewpoint);
  const seen = viewpoint === "host" ? hostPort : port;
  const outputs: Record<string, string> = { host };
  if (kind === "container" || kind === "dockerfile") {
    outputs["ports"] = exposed.ports.join(",");
    if (hostPort !== undefined) outputs["host_port"] = String(hostPort);
  }
  if (seen !== undefined) {
    outputs["port"] = String(seen);
    if (exposed.url !== undefined) outputs["url"] = formatUrl({ ...exposed.url, host, port: String(seen) });
  }
  return { ...outputs, ...exposed.values };
}

/** Variables that a dependent of `name` gets: `LSH_<NAME>_<PROPERTY>`. What the manifest sets wins over them. */
export function injectedEnv(name: string, outputs: Outputs): Record<string, string> {
  const prefix = `LSH_${toVariable(name)}_`;
  return Object.fromEntries(
    Object.entries(outputs).map(([property, value]) => [prefix + toVariable(property), value]),
  );
}

function toVariable(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

function hostOf({ name, work }: ResolvedResource, viewpoint: Viewpoint): string {
  if (viewpoint === "host") return "127.0.0.1";
  return work.type === "process" ? "host.docker.internal" : name;
}

function hostPortOf(
  { work }: ResolvedResource,
  published: PublishedPorts | undefined,
  containerPort: number,
): number | undefined {
  const declared = work.type === "container" ? (work.spec.ports ?? []) : [];
  const ports = published ?? declared;
  // The protocol of the declared port decides: 53/tcp and 53/udp may be published on different ports.
  const protocol = declared.find((port) => port.containerPort === containerPort)?.protocol ?? "tcp";
  const mapping = ports.find((port) => port.containerPort === containerPort && port.protocol === protocol);
  const hostPort = mapping?.hostPort;
  return hostPort === undefined || hostPort === 0 ? undefined : hostPort;
}
