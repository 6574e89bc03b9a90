import { nearest } from "../model/nearest.ts";
import type { Condition, Dependency, ResourceKind } from "../model/stack.ts";
import { Fields } from "./fields.ts";
import { isObject } from "./json-tree.ts";
import type { DeclaredResource } from "./manifest.ts";
import { declaredOutputs, outputNames } from "./outputs.ts";
import { describeFound, type Path, type Report } from "./problem.ts";

/** A reference found in a resource's texts. */
export interface Reference {
  readonly name: string;
  readonly property: string;
  readonly path: Path;
  /** False in a default that is not used: it is checked, and makes no dependency. */
  readonly taken: boolean;
}

/** The declared resources by name. */
export type Declared = ReadonlyMap<string, DeclaredResource>;

/** Edges from one resource: the declared ones first, then those that only references make. Unknown names are reported. */
export function readDependencies(
  resource: DeclaredResource,
  references: readonly Reference[],
  { declared, report }: { declared: Declared; report: Report },
): readonly Dependency[] {
  const { name, kind, body } = resource;
  const edges = new Map<string, Dependency>();
  const path: Path = ["resources", name, kind, "depends_on"];
  for (const [step, target, condition] of declaredEdges(new Fields(body, [], report))) {
    const known = declared.get(target);
    if (known === undefined) reportUnknown({ path: [...path, step], name: target }, declared, report);
    else
      edges.set(target, {
        name: target,
        condition: condition ?? defaultCondition(known.kind),
        implicit: false,
      });
  }
  for (const reference of references) {
    const known = declared.get(reference.name);
    if (known === undefined) {
      reportUnknown(reference, declared, report);
      continue;
    }
    if (!known.broken) checkProperty(reference, known, report);
    if (reference.taken && !edges.has(known.name)) {
      edges.set(known.name, { name: known.name, condition: defaultCondition(known.kind), implicit: true });
    }
  }
  return [...edges.values()];
}

/** What a dependent waits for unless it says otherwise. */
function defaultCondition(kind: ResourceKind): Condition {
  return kind === "task" ? "completed" : "ready";
}

function declaredEdges(fields: Fields): readonly [string | number, string, Condition | undefined][] {
  const raw = fields.raw("depends_on");
  if (!isObject(raw)) return (fields.list("depends_on") ?? []).map((name, index) => [index, name, undefined]);
  return Object.entries(fields.map("depends_on")).map(([name, word]) => [name, name, toCondition(word)]);
}

function toCondition(word: string): Condition | undefined {
  return word === "started" || word === "ready" || word === "completed" ? word : undefined;
}

function reportUnknown(
  { path, name }: { path: Path; name: string },
  declared: Declared,
  report: Report,
): void {
  report({
    path,
    expected: "the name of a resource",
    found: `unknown resource ${describeFound(name)}`,
    nearest: () => nearest(name, declared.keys()),
  });
}

function checkProperty(
  { name, property, path }: Reference,
  { kind, body }: DeclaredResource,
  report: Report,
): void {
  const known = declaredOutputs(kind, body);
  if (known.includes(property)) return;
  const needsPort = outputNames(kind).includes(property);
  report({
    path,
    expected: `one of ${known.map((output) => `${name}.${output}`).join(", ")}`,
    found: needsPort
      ? `"${property}", which "${name}" has only with a declared ${kind === "external" ? "value" : "port"}`
      : `unknown property ${describeFound(property)} of kind ${kind}`,
    nearest: needsPort ? undefined : () => nearest(property, known),
  });
}
