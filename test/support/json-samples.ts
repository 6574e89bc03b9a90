import type { JsonObject, JsonValue } from "../../src/model/json.ts";

/** In [0, 1). */
export type Random = () => number;

export function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}

/** Values that programs trip over. */
export const oddValues: readonly JsonValue[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  9_007_199_254_740_991,
  "",
  " ",
  "../../etc/passwd",
  "%2e%2e%2f",
  "a\u0000b",
  "\ud800",
  "__proto__",
  "constructor",
  "x".repeat(5000),
  "💥".repeat(50),
  "$(reboot)",
  "2026-01-01",
  [],
  [[[[]]]],
  {},
  { __proto__: null, toString: "x" },
];

/** A value that fits a JSON schema, as far as schemas of our own go; patterns are served from `texts`. */
export function sample(schema: JsonValue | undefined, random: Random, texts: readonly string[]): JsonValue {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return "x";
  const { enum: choices, const: only, anyOf, type } = schema as JsonObject;
  if (only !== undefined) return only;
  if (Array.isArray(choices)) return pick(random, choices as readonly JsonValue[]);
  if (Array.isArray(anyOf)) return sample(pick(random, anyOf as readonly JsonValue[]), random, texts);
  switch (type) {
    case "boolean":
      return random() < 0.5;
    case "integer":
    case "number": {
      const least = numberOf(schema, "minimum") ?? 0;
      const most = Math.min(numberOf(schema, "maximum") ?? 100, least + 100);
      return Math.floor(least + random() * (most - least + 1));
    }
    case "array":
      return Array.from({ length: Math.floor(random() * 3) }, () =>
        sample((schema as JsonObject)["items"], random, texts),
      );
    case "object":
      return sampleObject(schema as JsonObject, random, texts);
    default:
      return pick(random, texts);
  }
}

function sampleObject(schema: JsonObject, random: Random, texts: readonly string[]): JsonValue {
  const properties = (schema["properties"] ?? {}) as JsonObject;
  const required = (schema["required"] ?? []) as readonly string[];
  const names = Object.keys(properties).filter((name) => required.includes(name) || random() < 0.3);
  if (Object.keys(properties).length === 0 && schema["additionalProperties"] !== false) {
    return { [pick(random, texts)]: pick(random, texts) };
  }
  return Object.fromEntries(names.map((name) => [name, sample(properties[name], random, texts)]));
}

/** The value with one part of it made odd, left out, or added to. */
export function spoil(value: JsonValue, random: Random): JsonValue {
  if (typeof value !== "object" || value === null || random() < 0.2) return pick(random, oddValues);
  if (Array.isArray(value)) {
    const items = value as readonly JsonValue[];
    return random() < 0.5 ? [...items, pick(random, oddValues)] : items.map((each) => spoil(each, random));
  }
  const entries = Object.entries(value as JsonObject);
  const [name = "unknown"] = entries.length === 0 ? [] : pick(random, entries);
  if (random() < 0.2) return Object.fromEntries(entries.filter(([each]) => each !== name));
  if (random() < 0.2) return { ...(value as JsonObject), [`${name}x`]: pick(random, oddValues) };
  return { ...(value as JsonObject), [name]: spoil((value as JsonObject)[name] ?? null, random) };
}

function numberOf(schema: object, key: string): number | undefined {
  const value: unknown = Reflect.get(schema, key);
  return typeof value === "number" ? value : undefined;
}
