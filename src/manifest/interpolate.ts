import type { JsonObject, JsonValue } from "../model/json.ts";
import { nearest } from "../model/nearest.ts";
import type { VariableUse } from "../model/stack.ts";
import { isObject, own } from "./json-tree.ts";
import { describeFound, type Path, type Report } from "./problem.ts";
import { type Part, partsToValue } from "./reference.ts";
import { isTemplateError, type Piece, parseTemplate } from "./template.ts";
import type { Variables } from "./variables.ts";

/** What interpolation knows, and what it tells. */
export interface Interpolation {
  readonly project: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly variables: Variables;
  readonly report: Report;
  /** Called for each variable whose value is wanted. */
  readonly onVariable: (use: VariableUse) => void;
  /** Called for each reference; `taken` is false in a default that is not used. */
  readonly onReference: (reference: { name: string; property: string; path: Path; taken: boolean }) => void;
}

/**
 * Replaces everything but references to resources in every text of `tree`. Texts that hold such a reference, a missing
 * variable or a secret become marked values, see reference.ts. Parts of the tree without interpolation are shared.
 */
export function interpolateTree(tree: JsonObject, path: Path, context: Interpolation): JsonObject {
  const steps = [...path];

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

  function inside(step: string | number, child: JsonValue): JsonValue {
    if (typeof child === "string" ? !child.includes("${") : typeof child !== "object") return child;
    steps.push(step);
    const after = value(child);
    steps.pop();
    return after;
  }

  function value(before: JsonValue): JsonValue {
    if (typeof before === "string") return interpolateText(before, steps, context);
    if (Array.isArray(before)) {
      const after = before.map((item, index) => inside(index, item));
      return after.some((item, index) => item !== before[index]) ? after : before;
    }
    return isObject(before) ? object(before) : before;
  }

  return object(tree);
}

function interpolateText(text: string, path: Path, context: Interpolation): JsonValue {
  const pieces = parseTemplate(text);
  if (isTemplateError(pieces)) {
    context.report({ path: [...path], expected: pieces.expected, found: pieces.found });
    return text;
  }
  const parts: Part[] = [];
  resolvePieces(pieces, { path, context, taken: true }, parts);
  if (parts.every((part) => typeof part === "string")) return parts.join("");
  return partsToValue(parts);
}

interface Place {
  readonly path: Path;
  readonly context: Interpolation;
  /** False inside a default that is not used: it is checked, and needs nothing. */
  readonly taken: boolean;
}

function resolvePieces(pieces: readonly Piece[], place: Place, parts: Part[]): void {
  const { context, taken } = place;
  for (const piece of pieces) {
    if (typeof piece === "string") {
      parts.push(piece);
      continue;
    }
    switch (piece.scheme) {
      case "resources":
        context.onReference({ name: piece.name, property: piece.property, path: [...place.path], taken });
        parts.push({ resource: piece.name, property: piece.property });
        break;
      case "env":
        resolveEnv(piece, place, parts);
        break;
      case "secret":
        parts.push(resolveSecret(piece.name, place));
        break;
      case "ports":
        parts.push(resolvePort(piece.name, place));
        break;
      case "project":
        parts.push(context.project);
        if (piece.name !== "name") findUnknown(place, ["name"], `\${project.${piece.name}}`, piece.name);
        break;
    }
  }
}

function resolveEnv(piece: Extract<Piece, { scheme: "env" }>, place: Place, parts: Part[]): void {
  const { name, fallback } = piece;
  const { context, taken } = place;
  const variable = context.variables.env.get(name);
  const use = (source: VariableUse["source"]): void => {
    if (taken) context.onVariable({ name, scheme: "env", source, path: place.path.join(".") });
  };
  if (fallback !== undefined) {
    const ignored: Part[] = [];
    const unset = variable === undefined;
    resolvePieces(fallback, { ...place, taken: taken && unset }, unset ? parts : ignored);
  }
  if (variable !== undefined) {
    parts.push(variable.value);
    use(variable.source);
  } else if (fallback === undefined) {
    parts.push({ missing: name, scheme: "env" });
    use("missing");
  } else {
    use("default");
  }
}

function resolveSecret(name: string, { context, path, taken }: Place): Part {
  const value = context.variables.secrets.get(name);
  const source = value === undefined ? "missing" : "secrets-file";
  if (taken) context.onVariable({ name, scheme: "secret", source, path: path.join(".") });
  return value === undefined ? { missing: name, scheme: "secret" } : { secret: name, value };
}

function resolvePort(name: string, place: Place): Part {
  const port = own(place.context.ports, name);
  if (port !== undefined) return String(port);
  findUnknown(place, Object.keys(place.context.ports), `\${ports.${name}}`, name);
  return "1";
}

function findUnknown(place: Place, known: readonly string[], written: string, name: string): void {
  place.context.report({
    path: [...place.path],
    expected:
      known.length === 0
        ? "a port of a bundle under `ports`, which declares none"
        : `one of ${known.join(", ")}`,
    found: describeFound(written),
    nearest: () => nearest(name, known),
  });
}
