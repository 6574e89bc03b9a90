import type { JsonObject, JsonValue } from "../model/json.ts";
import { isObject } from "./json-tree.ts";

/**
 * Key that marks a text which is not known yet among a resource's declared values: `{ "${}": [part, ...] }`. Everything
 * else there is final: a text that only looks like a reference, because a variable's value does, stays as it is.
 */
const marker = "${}";

/** Part of a text that is not known yet. */
export type Part =
  | string
  /** Output of another resource. */
  | { readonly resource: string; readonly property: string }
  /** Variable that has no value. */
  | { readonly missing: string; readonly scheme: "env" | "secret" }
  /** Value of a variable from the secrets file: known, and never shown. */
  | { readonly secret: string; readonly value: string };

/** The value that stands for a text made of `parts`. */
export function partsToValue(parts: readonly Part[]): JsonObject {
  return { [marker]: parts };
}

/** The parts of a text that is not known yet; undefined for every other value. */
export function partsOf(value: JsonValue): readonly Part[] | undefined {
  if (!isObject(value) || !(marker in value)) return undefined;
  const parts = value[marker];
  // Only partsToValue() writes this key: the schema lets no mapping of texts hold a list.
  return Array.isArray(parts) ? (parts as readonly Part[]) : undefined;
}

/** How a part is written in a manifest; a secret's value only as its reference. */
export function partText(part: Part): string {
  if (typeof part === "string") return part;
  if ("resource" in part) return `\${resources.${part.resource}.${part.property}}`;
  if ("missing" in part) return `\${${part.scheme}.${part.missing}}`;
  return `\${secret.${part.secret}}`;
}
