import { stat } from "node:fs/promises";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { LashError } from "../../model/errors.ts";
import { type EngineClient, pathPart } from "../engine-api/client.ts";
import { codeOf, refusal } from "../engine-api/errors.ts";

/** First Podman that knows `host-gateway`; older ones write the word into /etc/hosts as if it were an address. */
const hostGatewaySince = [4, 7] as const;

/** A spec as Podman needs it, to mean what it means to Docker. */
export async function preparePodman(
  spec: ContainerSpec,
  client: EngineClient,
  signal: AbortSignal,
): Promise<ContainerSpec> {
  await checkBindSources(spec, client);
  const hosts = spec.extraHosts ?? [];
  if (!hosts.some(isHostGateway)) return spec;
  const { server } = await client.greet(signal);
  if (knowsHostGateway(server)) return spec;
  const gateway = await gatewayOf(spec, client, signal);
  return { ...spec, extraHosts: hosts.map((host) => host.replace(/([:=])host-gateway$/, `$1${gateway}`)) };
}

/**
 * Podman's Docker-compatible API makes a missing bind source as an empty folder, also for Mounts (4.3.1), where Docker
 * refuses. Seen from here only when the engine is on this machine.
 */
async function checkBindSources(spec: ContainerSpec, client: EngineClient): Promise<void> {
  if (client.endpoint.kind !== "unix") return;
  const binds = (spec.mounts ?? []).filter(({ type }) => type === "bind");
  for (const { source } of binds) {
    try {
      await stat(source);
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") continue;
      throw refusal({
        doing: `create container "${spec.name}"`,
        method: "POST",
        path: "/containers/create",
        status: 400,
        message: `invalid mount config for type "bind": bind source path does not exist: ${source}`,
      });
    }
  }
}

function isHostGateway(host: string): boolean {
  return /[:=]host-gateway$/.test(host);
}

function knowsHostGateway(server: string): boolean {
  const [, major = "0", minor = "0"] = /^Libpod\/(\d+)\.(\d+)/.exec(server) ?? [];
  const [sinceMajor, sinceMinor] = hostGatewaySince;
  return Number(major) > sinceMajor || (Number(major) === sinceMajor && Number(minor) >= sinceMinor);
}

/** The host's address in the container's first network. */
async function gatewayOf(spec: ContainerSpec, client: EngineClient, signal: AbortSignal): Promise<string> {
  const network = spec.networks?.[0]?.name ?? "podman";
  const facts = await client.json<{
    readonly IPAM?: { readonly Config?: readonly { readonly Gateway?: string }[] | null };
  }>({
    method: "GET",
    path: `/networks/${pathPart(network)}`,
    doing: `inspect network "${network}"`,
    signal,
  });
  const gateway = facts.IPAM?.Config?.find(({ Gateway = "" }) => Gateway !== "")?.Gateway;
  if (gateway === undefined) {
    throw new LashError(
      "engine-unsupported",
      `Cannot create container "${spec.name}": network "${network}" has no gateway for "host-gateway"`,
      {
        data: { network },
        hint: "Use the name host.containers.internal, which Podman sets itself, or Podman 4.7 or newer",
      },
    );
  }
  return gateway;
}
