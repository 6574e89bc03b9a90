import { posix } from "node:path";
import type { ContainerSpec, Mount } from "../model/container-spec.ts";
import type { BindRoot, Policy } from "./policy.ts";

/** What a container may have beyond Docker's defaults without being asked for: none of it leads out of a container. */
const harmlessCapabilities = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "NET_RAW",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
]);

/** Networks of the engine itself that separate a container from the host. */
const ownNetworks = new Set(["bridge", "default", "none"]);

/** What is still to be looked up before a container may be made. */
export interface CreateDecision {
  /** What the policy says no to, in words; then nothing else counts. */
  readonly refusals: readonly string[];
  /** Sources to mount, each with the roots it may be below. */
  readonly binds: readonly { readonly source: string; readonly roots: readonly BindRoot[] }[];
  /** Networks and volumes that have to be the owner's. */
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
}

/** Whether the policy lets this container be made. Pure: what only the host or the engine knows comes afterwards. */
export function decideCreate(spec: ContainerSpec, policy: Policy): CreateDecision {
  const mounts = spec.mounts ?? [];
  const named = (spec.networks ?? []).map(({ name }) => name);
  const binds = mounts.filter(({ type }) => type === "bind");
  return {
    refusals: [
      ...(spec.privileged === true && !policy.privileged ? ["privileged is not allowed"] : []),
      ...unlisted("capability", (spec.capAdd ?? []).map(capabilityName), (each) =>
        allowsCapability(policy, each),
      ),
      ...unlisted("device", spec.devices ?? [], (each) => policy.devices.includes(each.split(":")[0] ?? "")),
      ...unlisted(
        "security option",
        spec.securityOpt ?? [],
        (each) => /^no-new-privileges(?:[:=]true)?$/.test(each) || policy.securityOptions.includes(each),
      ),
      ...unlisted("log driver", spec.logging === undefined ? [] : [spec.logging.driver], (each) =>
        policy.logDrivers.includes(each),
      ),
      ...unlisted("network", named.filter(isForeignNamespace), (each) =>
        each === "host" ? policy.hostNamespaces : policy.networks.includes(each),
      ),
      ...binds.flatMap((mount) => (rootsFor(mount, policy).length > 0 ? [] : [bindRefusal(mount)])),
    ],
    binds: binds.map((mount) => ({ source: mount.source, roots: rootsFor(mount, policy) })),
    networks: named.filter(
      (name) => !ownNetworks.has(name) && !isForeignNamespace(name) && !policy.networks.includes(name),
    ),
    volumes: mounts
      .filter(({ type, source }) => type === "volume" && source !== "" && !policy.volumes.includes(source))
      .map(({ source }) => source),
  };
}

/** `host`, `container:x` and `ns:path`: a namespace that is somebody else's. */
function isForeignNamespace(network: string): boolean {
  return network === "host" || network.includes(":") || network.includes("/");
}

function allowsCapability({ capabilities }: Policy, name: string): boolean {
  return harmlessCapabilities.has(name) || capabilities.some((each) => capabilityName(each) === name);
}

function capabilityName(text: string): string {
  return text.toUpperCase().replace(/^CAP_/, "");
}

function unlisted(
  what: string,
  values: readonly string[],
  isAllowed: (value: string) => boolean,
): readonly string[] {
  return values.filter((each) => !isAllowed(each)).map((each) => `${what} "${each}" is not allowed`);
}

/** Roots that the source is below by its text. */
function rootsFor(mount: Mount, policy: Policy): readonly BindRoot[] {
  return policy.binds.filter(
    (root) => (mount.readOnly || !root.readOnly) && isBelow(mount.source, root.source),
  );
}

/** Whether a path is a folder or below it. By text: links are for the one who can look. */
export function isBelow(path: string, folder: string): boolean {
  if (!path.startsWith("/") || path.includes("\0")) return false;
  const whole = posix.normalize(path).replace(/(?<=.)\/$/, "");
  const root = folder === "/" ? "/" : `${folder.replace(/\/+$/, "")}/`;
  return whole === folder.replace(/(?<=.)\/+$/, "") || whole.startsWith(root);
}

function bindRefusal({ source, readOnly }: Mount): string {
  return `mounting "${source}"${readOnly ? "" : " for writing"} is not allowed`;
}
