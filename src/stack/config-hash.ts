import { createHash } from "node:crypto";
import type { ContainerSpec } from "../model/container-spec.ts";

/** Parts that do not make another container: they identify it, or change without anybody changing the manifest. */
type HashedSpec = Omit<ContainerSpec, "labels" | "name">;

/**
 * Hash of a resolved configuration. The image's content is compared apart, by id. `volatile` names environment
 * variables to leave out: injected outputs that the engine chooses anew at each start, such as a free host port.
 */
export function configHash(spec: HashedSpec, volatile: ReadonlySet<string>): string {
  const env = Object.fromEntries(Object.entries(spec.env).filter(([name]) => !volatile.has(name)));
  return createHash("sha256")
    .update(canonicalJson({ ...spec, env }))
    .digest("hex")
    .slice(0, 32);
}

/** JSON with sorted keys and without absent values: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`).join(",")}}`;
}
