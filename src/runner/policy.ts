import { z } from "zod";
import { LashError } from "../model/errors.ts";
import { formatImageReference, parseImageReference } from "../model/image-reference.ts";
import { defaultKeyId } from "./protocol/signature.ts";
import type { KnownKey } from "./protocol/verify.ts";

/** What the holders of the keys may have done. */
export interface Policy {
  readonly keys: ReadonlyMap<string, KnownKey>;
  /** Patterns, "*" stands for anything; undefined: every image. */
  readonly images: readonly string[] | undefined;
  readonly binds: readonly BindRoot[];
  /** Networks of others that containers may join. */
  readonly networks: readonly string[];
  /** Volumes of others that containers may use. */
  readonly volumes: readonly string[];
  readonly privileged: boolean;
  /** Namespaces of the host: its network. */
  readonly hostNamespaces: boolean;
  readonly capabilities: readonly string[];
  readonly devices: readonly string[];
  readonly securityOptions: readonly string[];
  readonly logDrivers: readonly string[];
  readonly builds: boolean;
}

/** A folder of the host that may be mounted, with all below it. */
export interface BindRoot {
  readonly source: string;
  /** Only if mounted read-only. */
  readonly readOnly: boolean;
}

const idPattern = /^[\w.-]{1,64}$/;
const id = z.string().regex(idPattern, "expected 1 to 64 letters, digits, '_', '.' and '-'");
const folder = z
  .string()
  .regex(/^\/(?!.*(?:^|\/)\.\.?(?:\/|$))[^\0]*$/, "expected an absolute path without '.' and '..'");
const key = z.strictObject({
  id,
  owner: id,
  /** One of both, or for the shared secret neither. */
  secretFile: z.string().min(1).optional(),
  secretVariable: z.string().min(1).optional(),
});
const names = z.array(z.string().min(1));
const schema = z.strictObject({
  keys: z.array(key).min(1).optional(),
  images: names.optional(),
  binds: z
    .array(z.union([folder, z.strictObject({ source: folder, readOnly: z.boolean().default(false) })]))
    .default([]),
  networks: names.default([]),
  volumes: names.default([]),
  privileged: z.boolean().default(false),
  hostNamespaces: z.boolean().default(false),
  capabilities: names.default([]),
  devices: names.default([]),
  securityOptions: names.default([]),
  logDrivers: names.default(["json-file", "local", "none"]),
  builds: z.boolean().optional(),
});

export interface PolicyOptions {
  readonly sharedSecret: string;
  /** Reads a file that holds a secret. */
  readonly readSecret: (file: string) => string;
  readonly environment: NodeJS.ProcessEnv;
  /** Where it came from, for messages. */
  readonly source: string;
}

/** One key, one owner; nothing that leads out of a container. */
export function defaultPolicy(sharedSecret: string): Policy {
  const options = { sharedSecret, readSecret: () => "", environment: {}, source: "default" };
  return parsePolicy({}, options);
}

/** A policy from what its file holds. Rejects with `usage` and everything that is wrong. */
export function parsePolicy(value: unknown, options: PolicyOptions): Policy {
  const result = schema.safeParse(value ?? {});
  if (!result.success) throw invalid(options.source, result.error.issues.map(issueText));
  const { keys, images, binds, builds, ...rest } = result.data;
  return {
    ...rest,
    keys: keysOf(keys ?? [{ id: defaultKeyId, owner: defaultKeyId }], options),
    images: images?.map(fullPattern),
    binds: binds.map((each) => (typeof each === "string" ? { source: each, readOnly: false } : each)),
    // A Dockerfile may begin with any image, so who limits images has to allow builds by name.
    builds: builds ?? images === undefined,
  };
}

function keysOf(keys: readonly z.infer<typeof key>[], options: PolicyOptions): ReadonlyMap<string, KnownKey> {
  const known = new Map<string, KnownKey>();
  const problems: string[] = [];
  for (const each of keys) {
    const secret = secretOf(each, options);
    const double = [...known.values()].find((other) => other.secret === secret);
    if (known.has(each.id)) problems.push(`keys: id "${each.id}" is there twice`);
    else if (secret === "") problems.push(`keys: the secret of "${each.id}" is empty`);
    // The signature does not cover the key's id, so a secret must not stand for two owners.
    else if (double !== undefined && double.owner !== each.owner)
      problems.push(`keys: "${each.id}" and "${double.id}" have one secret and two owners`);
    known.set(each.id, { id: each.id, owner: each.owner, secret });
  }
  if (problems.length > 0) throw invalid(options.source, problems);
  return known;
}

function secretOf(each: z.infer<typeof key>, options: PolicyOptions): string {
  if (each.secretFile !== undefined && each.secretVariable !== undefined)
    throw invalid(options.source, [`keys: "${each.id}" has a secretFile and a secretVariable`]);
  if (each.secretFile !== undefined) return options.readSecret(each.secretFile).trim();
  if (each.secretVariable !== undefined) return options.environment[each.secretVariable] ?? "";
  return options.sharedSecret;
}

/** "redis:*" as "docker.io/library/redis:*", as references are compared. */
function fullPattern(pattern: string): string {
  const colon = pattern.lastIndexOf(":");
  const tag = colon > pattern.lastIndexOf("/") ? pattern.slice(colon) : "";
  const path = tag === "" ? pattern : pattern.slice(0, colon);
  const [first = ""] = path.split("/");
  const hasRegistry = path.includes("/") && (first === "localhost" || /[.:*]/.test(first));
  if (pattern === "*" || hasRegistry) return pattern;
  return `docker.io/${path.includes("/") ? path : `library/${path}`}${tag}`;
}

/** Whether an image may be used. `names` are all that it is known by. */
export function allowsImage(policy: Policy, names: readonly string[]): boolean {
  const { images } = policy;
  if (images === undefined) return true;
  const written = names.flatMap((name) => {
    const reference = parseImageReference(name);
    return reference.ok ? [formatImageReference(reference.value)] : [];
  });
  return written.some((name) => images.some((pattern) => matches(pattern, name)));
}

function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  // A pattern that names no tag stands for all of them.
  const hasTag = pattern.endsWith("*") || pattern.includes("@") || /:[^/]*$/.test(pattern);
  return new RegExp(`^${parts.join(".*")}${hasTag ? "" : "(?:[:@].*)?"}$`).test(name);
}

function issueText({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join(".")}: ${message}`;
}

function invalid(source: string, problems: readonly string[]): LashError {
  return new LashError("usage", `Cannot use the policy in ${source}: ${problems.join("; ")}`, {
    data: { variable: "DOCKER_RUNNER_POLICY", file: source, problems },
  });
}
