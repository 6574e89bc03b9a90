import type {
  ContainerFacts,
  EngineEvent,
  EngineHost,
  HealthState,
  ImageFacts,
  NetworkFacts,
  VolumeFacts,
} from "../../engine/facts.ts";
import type { PortMapping } from "../../model/container-spec.ts";
import type { Dialect } from "./dialect.ts";
import type {
  BindingJson,
  ContainerJson,
  EventJson,
  ImageJson,
  InfoJson,
  NetworkJson,
  StateJson,
  VolumeJson,
} from "./wire.ts";

/** What an inspect says of a container. */
export function containerFacts(json: ContainerJson, dialect: Dialect): ContainerFacts {
  const raw = json.State ?? {};
  const state = dialect.state(raw.Status ?? "");
  const isUp = state === "running" || state === "paused";
  const lastFailed = raw.Health?.Log?.findLast(({ ExitCode }) => ExitCode !== 0);
  return {
    id: json.Id ?? "",
    name: (json.Name ?? "").replace(/^\//, ""),
    labels: json.Config?.Labels ?? {},
    image: dialect.imageName(json.Config?.Image ?? ""),
    imageId: contentId(json.Image ?? ""),
    state,
    health: healthState(raw.Health?.Status),
    healthOutput: lastFailed?.Output?.trim() ?? "",
    restartCount: json.RestartCount ?? 0,
    createdAt: moment(json.Created),
    startedAt: moment(raw.StartedAt),
    finishedAt: moment(raw.FinishedAt),
    pid: raw.Pid === undefined || raw.Pid === 0 ? undefined : raw.Pid,
    ports: isUp ? publishedPorts(json.NetworkSettings?.Ports ?? {}) : [],
    addresses: isUp ? addressesOf(json) : {},
    exitCode: exitCodeOf(state, raw),
    oomKilled: raw.OOMKilled ?? false,
    error: raw.Error ?? "",
  };
}

/** The engine says 0 for what has not ended. A start that failed leaves "created" with a code and the cause. */
function exitCodeOf(state: ContainerFacts["state"], raw: StateJson): number | undefined {
  if (state === "running" || state === "paused") return undefined;
  if (state === "created" && (raw.Error ?? "") === "" && (raw.ExitCode ?? 0) === 0) return undefined;
  return raw.ExitCode === -1 ? undefined : raw.ExitCode;
}

function healthState(word: string | undefined): HealthState {
  return word === "starting" || word === "healthy" || word === "unhealthy" ? word : "none";
}

/** The engine's zero time is the year 1. */
function moment(text: string | undefined): string | undefined {
  return text === undefined || text === "" || text.startsWith("0001-01-01") ? undefined : text;
}

/** Podman gives bare digits where Docker gives "sha256:…". */
export function contentId(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? `sha256:${id}` : id;
}

function addressesOf(json: ContainerJson): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [network, endpoint] of Object.entries(json.NetworkSettings?.Networks ?? {})) {
    const address = endpoint?.IPAddress || endpoint?.GlobalIPv6Address || "";
    if (address !== "") found[network] = address;
  }
  return found;
}

/**
 * A port published on every address appears once for IPv4 and once for IPv6; that is one mapping when the host port is
 * the same. When it is not (20.10 may choose two different free ports), both are kept, IPv4 first.
 */
export function publishedPorts(
  ports: Readonly<Record<string, readonly BindingJson[] | null>>,
): readonly PortMapping[] {
  const found: PortMapping[] = [];
  for (const [key, bindings] of Object.entries(ports)) {
    const [portText = "", protocolText = "tcp"] = key.split("/");
    const protocol = protocolText === "udp" || protocolText === "sctp" ? protocolText : "tcp";
    const containerPort = Number(portText);
    const sorted = (bindings ?? []).toSorted((a, b) => Number(a.HostIp === "::") - Number(b.HostIp === "::"));
    const mine: PortMapping[] = [];
    for (const { HostIp = "", HostPort = "" } of sorted) {
      const hostPort = Number(HostPort);
      const isAny = HostIp === "" || HostIp === "0.0.0.0" || HostIp === "::";
      const hostIp = isAny && !(HostIp === "::" && mine.some((each) => each.hostIp === "")) ? "" : HostIp;
      const isKnown = mine.some((each) => each.hostPort === hostPort && (each.hostIp === hostIp || isAny));
      if (hostPort !== 0 && !isKnown) mine.push({ hostIp, hostPort, containerPort, protocol });
    }
    found.push(...mine);
  }
  return found.sort((a, b) => a.containerPort - b.containerPort || a.protocol.localeCompare(b.protocol));
}

const ownAttributes = new Set([
  "image",
  "name",
  "exitCode",
  "containerExitCode",
  "signal",
  "execID",
  "execDuration",
  "oldName",
  "comment",
  "podId",
]);

/** An event; undefined for what is no event of a container. */
export function eventFacts(event: EventJson): EngineEvent | undefined {
  const attributes = event.Actor?.Attributes ?? {};
  const id = event.Actor?.ID ?? event.id ?? "";
  const action = event.Action ?? event.status ?? "";
  if ((event.Type ?? "container") !== "container" || id === "" || action === "") return undefined;
  const labels = Object.entries(attributes).filter(([key]) => !ownAttributes.has(key));
  const exitCode = Number.parseInt(attributes["exitCode"] ?? "", 10);
  return {
    id,
    name: attributes["name"] ?? "",
    labels: Object.fromEntries(labels),
    action,
    atMs: event.timeNano === undefined ? (event.time ?? 0) * 1000 : Math.floor(event.timeNano / 1e6),
    exitCode: Number.isNaN(exitCode) || action !== "die" ? undefined : exitCode,
  };
}

/** What an inspect says of an image. */
export function imageFacts(json: ImageJson): ImageFacts {
  const test = json.Config?.Healthcheck?.Test ?? [];
  return {
    id: contentId(json.Id ?? ""),
    tags: json.RepoTags ?? [],
    digests: json.RepoDigests ?? [],
    labels: json.Config?.Labels ?? {},
    platform: [json.Os, json.Architecture, json.Variant].filter((each) => (each ?? "") !== "").join("/"),
    sizeBytes: json.Size ?? 0,
    exposedPorts: Object.keys(json.Config?.ExposedPorts ?? {}).sort(),
    hasHealthcheck: test.length > 0 && test[0] !== "NONE",
  };
}

export function networkFacts(json: NetworkJson): NetworkFacts {
  return {
    id: json.Id ?? "",
    name: json.Name ?? "",
    labels: json.Labels ?? {},
    containers: Object.keys(json.Containers ?? {}),
    subnets: (json.IPAM?.Config ?? []).flatMap(({ Subnet = "" }) => (Subnet === "" ? [] : [Subnet])),
  };
}

/** What /info tells of the engine's machine. */
export function engineHost(info: InfoJson): EngineHost {
  const pools = (info.DefaultAddressPools ?? []).flatMap(({ Base = "", Size = 0 }) =>
    Base === "" ? [] : [{ base: Base, size: Size }],
  );
  return {
    name: info.Name ?? "",
    dataFolder: info.DockerRootDir ?? "",
    // Docker writes "name=rootless", Podman the same in its compatible API.
    rootless: (info.SecurityOptions ?? []).some((each) => each.split(",").includes("name=rootless")),
    addressPools: pools.length === 0 ? undefined : pools,
  };
}

export function volumeFacts(json: VolumeJson): VolumeFacts {
  return { name: json.Name ?? "", labels: json.Labels ?? {} };
}
