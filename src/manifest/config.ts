import type { JsonObject, JsonValue } from "../model/json.ts";
import type { Stack } from "../model/stack.ts";
import { isObject, textOf } from "./json-tree.ts";
import { partsOf, partText } from "./reference.ts";

const hidden = "***";
/** Shorter secrets are hidden where they stand, and not searched for in other texts: "a" is in most of them. */
const minSearchedLength = 4;

/**
 * The stack as its manifest would declare it with everything filled in; references to resources stay as they are
 * written. With `mask`, passwords, all under `secrets:` and every text that holds such a value are hidden.
 */
export function describeConfig(stack: Stack, mask = true): JsonObject {
  const secrets = mask ? collectSecrets(stack) : [];
  const resources = stack.resources.map((resource) => {
    const body = describe(resource.declared, { mask, secrets, isSecret: false });
    return [resource.name, { [resource.kind]: body }] as const;
  });
  const ports = stack.bundles.map(({ name, ports }) => [name, { ...ports }] as const);
  return {
    project: {
      name: stack.project,
      ...(stack.version === undefined ? {} : { version: stack.version }),
      ...(stack.description === undefined ? {} : { description: stack.description }),
    },
    ...(ports.length === 0 ? {} : { ports: Object.fromEntries(ports) }),
    recovery: { ports: stack.recovery.ports },
    resources: Object.fromEntries(resources),
  };
}

interface Masking {
  readonly mask: boolean;
  readonly secrets: readonly string[];
  /** Whether the value stands where a secret is declared. */
  readonly isSecret: boolean;
}

function describe(value: JsonValue, masking: Masking): JsonValue {
  const parts = partsOf(value);
  if (parts !== undefined) {
    const known = parts.map((part) => {
      if (typeof part === "object" && "secret" in part) return masking.mask ? hidden : part.value;
      return partText(part);
    });
    return describeText(known.join(""), masking);
  }
  if (Array.isArray(value)) return value.map((item: JsonValue) => describe(item, masking));
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inside]) => {
        const isSecret = masking.isSecret || isSecretKey(key, inside);
        return [key, describe(inside, { ...masking, isSecret })];
      }),
    );
  }
  if (typeof value === "string") return describeText(value, masking);
  return masking.isSecret && masking.mask && value !== null ? hidden : value;
}

function describeText(text: string, { mask, secrets, isSecret }: Masking): string {
  if (!mask) return text;
  if (isSecret) return text === "" ? text : hidden;
  return secrets.reduce((masked, secret) => masked.replaceAll(secret, hidden), text);
}

function isSecretKey(key: string, value: JsonValue): boolean {
  return key === "secrets" || (key === "password" && !isPlainObject(value));
}

function isPlainObject(value: JsonValue): boolean {
  return isObject(value) && partsOf(value) === undefined;
}

/** Every secret value that is known, longest first, so that one inside another leaves nothing over. */
function collectSecrets(stack: Stack): readonly string[] {
  const found = new Set<string>();
  const visit = (value: JsonValue, isSecret: boolean): void => {
    const parts = partsOf(value);
    if (parts !== undefined) {
      for (const part of parts) if (typeof part === "object" && "secret" in part) found.add(part.value);
    } else if (isObject(value)) {
      for (const [key, inside] of Object.entries(value)) visit(inside, isSecret || isSecretKey(key, inside));
    } else if (Array.isArray(value)) {
      for (const item of value) visit(item, isSecret);
    } else if (isSecret && value !== null) {
      found.add(textOf(value));
    }
  };
  for (const { declared } of stack.resources) visit(declared, false);
  return [...found].filter(({ length }) => length >= minSearchedLength).sort((a, b) => b.length - a.length);
}
