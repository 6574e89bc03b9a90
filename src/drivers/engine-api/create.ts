import type { ContainerSpec, Mount } from "../../model/container-spec.ts";
import { compareVersions } from "./client.ts";

/** What creates a container: one request, and networks to connect afterwards. */
export interface CreatePlan {
  readonly body: Readonly<Record<string, unknown>>;
  readonly connectAfter: readonly { readonly network: string; readonly aliases: readonly string[] }[];
}

/** First API version that takes more than one network at create. */
const severalNetworksVersion = "1.44";

/** The create request of a spec. What the spec leaves undefined is left out, so the engine's and image's own applies. */
export function createPlan(spec: ContainerSpec, apiVersion: string): CreatePlan {
  const networks = spec.networks ?? [];
  const atOnce = compareVersions(apiVersion, severalNetworksVersion) >= 0 ? networks : networks.slice(0, 1);
  const endpoints = atOnce.filter(({ name }) => !isBuiltInMode(name));
  const body = {
    Image: spec.image,
    Labels: spec.labels,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    // The engine takes an empty list for "the image's own"; a list of one empty word clears it.
    Entrypoint: spec.entrypoint?.length === 0 ? [""] : spec.entrypoint,
    Cmd: spec.command,
    WorkingDir: spec.workingDir,
    User: spec.user,
    Hostname: spec.hostname,
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    StopSignal: spec.stopSignal,
    StopTimeout: spec.stopGraceMs === undefined ? undefined : wholeSeconds(spec.stopGraceMs),
    ExposedPorts: exposedPorts(spec),
    Healthcheck: healthcheck(spec),
    HostConfig: hostConfig(spec, networks[0]?.name),
    NetworkingConfig:
      endpoints.length === 0
        ? undefined
        : {
            EndpointsConfig: Object.fromEntries(
              endpoints.map(({ name, aliases }) => [name, { Aliases: aliases }]),
            ),
          },
  };
  return {
    body,
    connectAfter: networks.slice(atOnce.length).map(({ name, aliases }) => ({ network: name, aliases })),
  };
}

/** The engine counts grace in whole seconds; rounded up, because a shorter grace loses data and a longer one time. */
export function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

function hostConfig(spec: ContainerSpec, network: string | undefined): Readonly<Record<string, unknown>> {
  const mounts = (spec.mounts ?? []).filter(({ type }) => type !== "tmpfs");
  const tmpfs = (spec.mounts ?? []).filter(({ type }) => type === "tmpfs");
  return {
    NetworkMode: network,
    PortBindings: portBindings(spec),
    Mounts: mounts.length === 0 ? undefined : mounts.map(mountBody),
    Tmpfs:
      tmpfs.length === 0
        ? undefined
        : Object.fromEntries(tmpfs.map((mount) => [mount.target, tmpfsOptions(mount)])),
    Init: spec.init,
    ExtraHosts: spec.extraHosts,
    Dns: spec.dns,
    ShmSize: spec.shmSizeBytes,
    Ulimits: spec.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    Sysctls: spec.sysctls,
    CapAdd: spec.capAdd,
    CapDrop: spec.capDrop,
    SecurityOpt: spec.securityOpt,
    Privileged: spec.privileged,
    Devices: spec.devices?.map(deviceBody),
    ReadonlyRootfs: spec.readOnly,
    Memory: spec.memoryBytes,
    NanoCpus: spec.cpus === undefined ? undefined : Math.round(spec.cpus * 1e9),
    PidsLimit: spec.pidsLimit,
    LogConfig:
      spec.logging === undefined ? undefined : { Type: spec.logging.driver, Config: spec.logging.options },
    RestartPolicy:
      spec.restart === undefined
        ? undefined
        : { Name: spec.restart.name, MaximumRetryCount: spec.restart.maximumRetryCount },
  };
}

/** Mounts, not Binds: with Binds the engine makes a missing source as an empty folder of root, with Mounts it refuses. */
function mountBody(mount: Mount): Readonly<Record<string, unknown>> {
  return {
    Type: mount.type,
    Source: mount.source === "" ? undefined : mount.source,
    Target: mount.target,
    ReadOnly: mount.readOnly,
  };
}

function tmpfsOptions(mount: Mount): string {
  return [mount.options ?? "", mount.readOnly ? "ro" : ""].filter((each) => each !== "").join(",");
}

function deviceBody(device: string): Readonly<Record<string, unknown>> {
  const [host = "", second, third] = device.split(":");
  // "host:permissions" has no path in the middle.
  const isPermissions = second !== undefined && third === undefined && /^[rwm]{1,3}$/.test(second);
  return {
    PathOnHost: host,
    PathInContainer: second === undefined || isPermissions ? host : second,
    CgroupPermissions: (isPermissions ? second : third) ?? "rwm",
  };
}

function exposedPorts(spec: ContainerSpec): Readonly<Record<string, object>> | undefined {
  if (spec.ports === undefined || spec.ports.length === 0) return undefined;
  return Object.fromEntries(
    spec.ports.map(({ containerPort, protocol }) => [`${containerPort}/${protocol}`, {}]),
  );
}

function portBindings(spec: ContainerSpec): Readonly<Record<string, readonly object[]>> | undefined {
  const published = (spec.ports ?? []).filter(({ hostPort }) => hostPort !== undefined);
  if (published.length === 0) return undefined;
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { hostIp, hostPort, containerPort, protocol } of published) {
    // "0" lets Podman and Docker alike choose; Podman takes "" for the container's port number.
    (bindings[`${containerPort}/${protocol}`] ??= []).push({ HostIp: hostIp, HostPort: String(hostPort) });
  }
  return bindings;
}

function healthcheck(spec: ContainerSpec): Readonly<Record<string, unknown>> | undefined {
  if (spec.healthcheck === undefined) return undefined;
  const { test, intervalMs, timeoutMs, retries, startPeriodMs } = spec.healthcheck;
  return {
    Test: test,
    Interval: nanoseconds(intervalMs),
    Timeout: nanoseconds(timeoutMs),
    Retries: retries,
    StartPeriod: nanoseconds(startPeriodMs),
  };
}

function nanoseconds(ms: number): number {
  return Math.round(ms * 1e6);
}

/** Network modes that are no networks: nothing can be said about an endpoint there. */
function isBuiltInMode(name: string): boolean {
  return ["host", "none", "bridge", "default"].includes(name) || name.startsWith("container:");
}
