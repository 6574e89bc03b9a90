import type { JsonObject, JsonValue } from "../model/json.ts";
import { isObject } from "./json-tree.ts";
import type { Path } from "./problem.ts";
import { type Part, partsOf } from "./reference.ts";

/** Gives the text of one part, given where it stands. */
export type PartValue = (part: Exclude<Part, string>, path: Path) => string;

/** A tree with every marked text made a text. Parts of the tree without marks are shared. */
export function substitute(tree: JsonObject, valueOf: PartValue): JsonObject {
  const steps: (string | number)[] = [];

  function value(before: JsonValue): JsonValue {
    if (typeof before !== "object" || before === null) return before;
    if (Array.isArray(before)) {
      const after = before.map((item: JsonValue, index) => inside(index, item));
      return after.some((item, index) => item !== before[index]) ? after : before;
    }
    if (!isObject(before)) return before;
    const parts = partsOf(before);
    if (parts === undefined) return object(before);
    return parts.map((part) => (typeof part === "string" ? part : valueOf(part, steps))).join("");
  }

  function inside(step: string | number, child: JsonValue): JsonValue {
    if (typeof child !== "object" || child === null) return child;
    steps.push(step);
    const after = value(child);
    steps.pop();
    return after;
  }

  function object(map: JsonObject): JsonObject {
    let changed: Record<string, JsonValue> | undefined;
    for (const key in map) {
      const before = map[key] ?? null;
      const after = inside(key, before);
      if (after === before) continue;
      changed ??= { ...map };
      changed[key] = after;
    }
    return changed ?? map;
  }

  return object(tree);
}
