import { basename, dirname, resolve } from "node:path";
import type { JsonObject, JsonValue } from "../model/json.ts";
import { readBundles } from "./bundles.ts";
import { isObject, textOf } from "./json-tree.ts";
import { type Adapted, adaptLightshuttle } from "./lightshuttle.ts";
import { type DeclaredResource, type Manifest, resourceKinds } from "./manifest.ts";
import { describeFound, type Finding, manifestInvalid, type Problem, toProblems } from "./problem.ts";
import { checkManifest } from "./resolve-stack.ts";
import { lashSchema } from "./schema.ts";
import { checkSchema } from "./schema-findings.ts";
import { noVariables } from "./variables.ts";
import { readYaml } from "./yaml-source.ts";

/**
 * Reads a manifest's text. `file` is its path: its name tells the format, its folder is where relative paths start.
 * Throws `manifest-invalid` with every problem that can be known without variables, and nothing else.
 */
export function parseManifest(text: string, file: string): Manifest {
  const source = readYaml(text);
  if (source.syntax.length > 0) throw manifestInvalid(file, source.syntax, source.syntaxTotal);
  const top = isObject(source.tree) ? source.tree : {};
  const format = isLightshuttle(file, top) ? "lightshuttle" : "lash";
  const adapted: Adapted =
    format === "lightshuttle" ? adaptLightshuttle(top) : { tree: top, findings: [], warnings: [] };
  const errors: Finding[] = [...source.findings, ...adapted.findings];
  const warnings: Finding[] = [...adapted.warnings];
  if (!isObject(source.tree)) {
    errors.push({
      path: [],
      expected: "a mapping of project and resources",
      found: describeFound(source.tree),
    });
  } else {
    for (const finding of checkSchema(lashSchema, adapted.tree)) {
      // LightShuttle's specification asks for a warning, where lash.yml takes a typing error for what it is.
      const isWarning = format === "lightshuttle" && finding.unknownKey === true && finding.path.length > 3;
      (isWarning ? warnings : errors).push(finding);
    }
  }
  const bundles = readBundles(adapted.tree["ports"], (finding) => errors.push(finding));
  const resources = readResources(adapted.tree["resources"], errors);
  const { locate } = source;
  const manifest: Manifest = {
    format,
    file: resolve(file),
    directory: dirname(resolve(file)),
    project: readProject(adapted.tree["project"]),
    resources,
    bundles,
    recovery: { ports: readRecovery(adapted.tree["recovery"]) },
    restart: adapted.tree["restart"],
    server: isObject(adapted.tree["server"]) ? adapted.tree["server"] : {},
    warnings: toProblems(warnings, locate),
    locate,
  };
  if (errors.length === 0) return manifest;
  throw manifestInvalid(
    file,
    distinct([...toProblems(errors, locate), ...checkManifest(manifest, noVariables)]),
  );
}

function isLightshuttle(file: string, tree: JsonObject): boolean {
  return /^lightshuttle\.ya?ml$/.test(basename(file)) || "lightshuttle" in tree;
}

function readProject(project: JsonValue | undefined): Manifest["project"] {
  const fields = isObject(project) ? project : {};
  const text = (key: string): string | undefined => {
    const value = fields[key];
    return value === undefined ? undefined : textOf(value);
  };
  return { name: text("name") ?? "project", version: text("version"), description: text("description") };
}

function readRecovery(recovery: JsonValue | undefined): Manifest["recovery"]["ports"] {
  const ports = isObject(recovery) ? recovery["ports"] : undefined;
  return ports === "any-free" || ports === "never" ? ports : "bundle";
}

function readResources(resources: JsonValue | undefined, errors: Finding[]): readonly DeclaredResource[] {
  if (!isObject(resources)) return [];
  const broken = new Set(errors.flatMap(({ path }) => (path[0] === "resources" ? [String(path[1])] : [])));
  return Object.entries(resources).flatMap(([name, declared]): DeclaredResource[] => {
    if (!isObject(declared)) return [{ name, kind: "container", body: {}, broken: true }];
    const present = resourceKinds.filter((kind) => Object.hasOwn(declared, kind));
    const [kind = "container"] = present;
    if (present.length !== 1 && !broken.has(name)) {
      const found = present.length === 0 ? "none" : present.join(" and ");
      errors.push({
        path: ["resources", name],
        expected: `exactly one kind of ${resourceKinds.join(", ")}`,
        found,
      });
    }
    const body = withoutFreeKeys(declared[kind]);
    if (present.length === 1 && !broken.has(name)) return [{ name, kind, body, broken: false }];
    const sound = present.length === 1 ? withoutFaults(body, [name, kind], errors) : undefined;
    return [{ name, kind, body: sound ?? body, broken: sound === undefined }];
  });
}

/** Keys that decide which outputs a resource has: without one, references to it would be called wrong as well. */
const outputKeys: ReadonlySet<string> = new Set(["ports", "port", "host", "url"]);

/**
 * What is left of a resource without the keys the schema refused, so that its other faults are told in the same go.
 * Undefined when it cannot be looked at without them.
 */
function withoutFaults(
  body: JsonObject,
  [name, kind]: readonly [string, string],
  errors: readonly Finding[],
): JsonObject | undefined {
  const faults = errors.filter(({ path }) => path[0] === "resources" && path[1] === name);
  const keys = new Set(faults.map(({ path }) => (path[2] === kind ? String(path[3] ?? "") : "")));
  const prunable = [...keys].every((key) => Object.hasOwn(body, key) && !outputKeys.has(key));
  if (!prunable) return undefined;
  return Object.fromEntries(Object.entries(body).filter(([key]) => !keys.has(key)));
}

function withoutFreeKeys(body: JsonValue | undefined): JsonObject {
  if (!isObject(body)) return {};
  const hasFree = Object.keys(body).some((key) => key.startsWith("x-"));
  return hasFree ? Object.fromEntries(Object.entries(body).filter(([key]) => !key.startsWith("x-"))) : body;
}

function distinct(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Map(
    problems.map((problem) => [`${problem.path}\n${problem.expected}\n${problem.found}`, problem]),
  );
  return [...seen.values()];
}
