/** Host under which Docker Hub's credentials are kept. */
export const dockerHub = "docker.io";

/** An image reference taken apart: `[registry/]name[:tag][@digest]`. */
export interface ImageReference {
  readonly registry: string;
  /** Without registry; "library/" is there for Docker Hub's own. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Takes a reference apart as the docker CLI does: what precedes the first slash is a registry if it looks like a host. */
export function parseReference(reference: string): ImageReference {
  const at = reference.indexOf("@");
  const digest = at === -1 ? undefined : reference.slice(at + 1);
  const named = at === -1 ? reference : reference.slice(0, at);
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  const path = hasTag ? named.slice(0, colon) : named;
  const slash = path.indexOf("/");
  const host = slash === -1 ? "" : path.slice(0, slash);
  const isHost = host.includes(".") || host.includes(":") || host === "localhost";
  const registry = isHost ? host : dockerHub;
  const rest = isHost ? path.slice(slash + 1) : path;
  const isHub = registry === dockerHub || registry === "index.docker.io";
  return {
    registry: isHub ? dockerHub : registry,
    repository: isHub && !rest.includes("/") ? `library/${rest}` : rest,
    tag,
    digest,
  };
}

/** What a pull asks for: without a tag and digest "latest", for the engine would take all tags. */
export function pullTarget(reference: string): {
  readonly registry: string;
  readonly name: string;
  readonly tag: string;
} {
  const { registry, tag, digest } = parseReference(reference);
  const suffix = (tag === undefined ? 0 : tag.length + 1) + (digest === undefined ? 0 : digest.length + 1);
  return { registry, name: reference.slice(0, reference.length - suffix), tag: digest ?? tag ?? "latest" };
}
