import * as z from "zod/mini";
import type { JsonValue } from "../model/json.ts";
import { nearest } from "../model/nearest.ts";
import { isObject } from "./json-tree.ts";
import { describeFound, type Finding, isSecretPath, type Path } from "./problem.ts";

/** Findings kept from one manifest: what an absurd file holds beyond is not worth the time. */
const maxFindings = 10_000;

/** What `schema` finds wrong in `tree`. Keys that start with `x-` are never wrong. */
export function checkSchema(schema: z.core.$ZodType, tree: JsonValue): readonly Finding[] {
  const result = z.safeParse(schema, tree);
  if (result.success) return [];
  return result.error.issues.slice(0, maxFindings).flatMap((issue) => toFindings(issue, [], tree));
}

function toFindings(issue: z.core.$ZodIssue, prefix: Path, tree: JsonValue): readonly Finding[] {
  const path: Path = [
    ...prefix,
    ...issue.path.map((step) => (typeof step === "number" ? step : String(step))),
  ];
  const found = (): string => describeFound(valueAt(tree, path), isSecretPath(path));
  switch (issue.code) {
    case "unrecognized_keys": {
      // The schema's message is the list of its keys: see mapping() in schema-fields.ts.
      const known = issue.message.split(" ").filter((key) => key !== "");
      return issue.keys
        .filter((key) => !key.startsWith("x-"))
        .map((key) => ({
          path: [...path, key],
          expected: known.length === 0 ? "no keys" : listed(known),
          found: `unknown key "${key.slice(0, 60)}"`,
          nearest: () => nearest(key, known),
          atKey: true,
          unknownKey: true,
        }));
    }
    case "invalid_key": {
      const expected = issue.issues[0]?.message ?? issue.message;
      return [{ path, expected, found: describeFound(String(path.at(-1) ?? "")), atKey: true }];
    }
    case "invalid_union": {
      // The branch of the right type says more than the union does: it names what is wrong inside.
      const inside = issue.errors.find(
        (issues) => issues.length > 0 && issues.every(({ path }) => path.length > 0),
      );
      const strict = issue.errors.find((issues) => issues.every(({ code }) => code === "unrecognized_keys"));
      const branch = inside ?? strict;
      if (branch !== undefined && branch.length > 0)
        return branch.flatMap((nested) => toFindings(nested, path, tree));
      return [{ path, expected: issue.message, found: found() }];
    }
    case "invalid_value": {
      const value = valueAt(tree, path);
      const words = issue.values.filter((word) => typeof word === "string");
      const near = typeof value === "string" ? () => nearest(value, words) : undefined;
      return [{ path, expected: issue.message, found: found(), nearest: near }];
    }
    case "invalid_type":
    case "invalid_format":
    case "too_big":
    case "too_small":
    case "not_multiple_of":
    case "invalid_element":
    case "custom":
      return [{ path, expected: issue.message, found: found() }];
  }
}

/** Longest list of keys that is shown whole: a container has over forty, and the nearest of them is named anyway. */
const maxListedKeys = 12;

function listed(keys: readonly string[]): string {
  if (keys.length <= maxListedKeys) return `one of ${keys.join(", ")}`;
  return `one of its ${keys.length} keys (${keys.slice(0, maxListedKeys).join(", ")}, ...)`;
}

/** The value at `path`; undefined when there is none. */
function valueAt(tree: JsonValue, path: Path): JsonValue | undefined {
  let value: JsonValue | undefined = tree;
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)];
    else if (isObject(value) && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return value;
}
