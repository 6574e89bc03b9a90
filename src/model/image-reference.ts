import { type Parsed, parsed, unparsed } from "./parsed.ts";

/** Parts of an image reference after normalising: Docker's short names are spelled out. */
export interface ImageReference {
  /** Host of the registry, for example "docker.io". */
  readonly registry: string;
  /** Path in the registry, for example "library/redis". */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const domain =
  /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::\d{1,5})?$/i;
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[a-z][a-z0-9]*(?:[-_+.][a-z][a-z0-9]*)*:[0-9a-f]{32,}$/i;
const digestLength: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const expectedReference = "an image reference such as redis:7 or registry.example/team/app:1.2";
/** What the distribution project allows for registry and repository together. */
const maxNameLength = 255;

/** `[registry[:port]/]repository[:tag][@digest]` as the OCI distribution grammar has it. */
export function parseImageReference(text: string): Parsed<ImageReference> {
  const at = text.indexOf("@");
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest))
    return unparsed("a digest such as sha256: and 64 hexadecimal digits");
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag))
    return unparsed("a tag of letters, digits, '_', '.' and '-'");
  const name = hasTag ? named.slice(0, colon) : named;
  if (name.length > maxNameLength) return unparsed(`an image name of at most ${maxNameLength} characters`);
  const { registry, path } = splitRegistry(name);
  if (!domain.test(registry)) return unparsed(expectedReference);
  const components = path.split("/");
  if (!components.every((component) => pathComponent.test(component))) {
    const lower = path.toLowerCase().split("/");
    return unparsed(
      lower.every((component) => pathComponent.test(component))
        ? "an image reference in lower case"
        : expectedReference,
    );
  }
  const isShort = registry === "docker.io" && components.length === 1;
  return parsed({ registry, repository: isShort ? `library/${path}` : path, tag, digest });
}

/** The reference written out in full; without tag and digest the tag is "latest". */
export function formatImageReference(reference: ImageReference): string {
  const { registry, repository, digest } = reference;
  const tag = reference.tag ?? (digest === undefined ? "latest" : undefined);
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

function splitRegistry(name: string): { registry: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isRegistry = first === "localhost" || first.includes(".") || first.includes(":");
  if (!isRegistry) return { registry: "docker.io", path: name };
  const registry = first === "index.docker.io" ? "docker.io" : first;
  return { registry, path: name.slice(slash + 1) };
}

function isDigest(digest: string): boolean {
  if (!digestPattern.test(digest)) return false;
  const [algorithm = "", hex = ""] = digest.split(":");
  const length = digestLength[algorithm];
  return length === undefined || length === hex.length;
}
