import { LashError } from "../model/errors.ts";
import type { JsonObject } from "../model/json.ts";
import { isName } from "../model/names.ts";
import { nearest } from "../model/nearest.ts";
import type { PortBundle, Resource, Stack, VariableUse } from "../model/stack.ts";
import { findCycles } from "./cycles.ts";
import { type Reference, readDependencies } from "./dependencies.ts";
import { interpolateTree } from "./interpolate.ts";
import { lower } from "./lower.ts";
import type { DeclaredResource, Manifest } from "./manifest.ts";
import { type Finding, manifestInvalid, type Path, type Problem, toProblems } from "./problem.ts";
import { buildIndex, type StackIndex } from "./stack-index.ts";
import { substitute } from "./substitute.ts";
import type { Variables } from "./variables.ts";

/** Choices that a stack is resolved with. */
export interface ResolveOptions {
  readonly variables: Variables;
  /** Port bundle; the manifest's first when undefined. */
  readonly bundle?: string | undefined;
  /** Host ports to use instead of the declared ones. */
  readonly movedPorts?: ReadonlyMap<number, number> | undefined;
  /** Project name instead of the manifest's. */
  readonly project?: string | undefined;
}

/**
 * The stack that a manifest declares, with everything interpolated but references to resources. Variables without a
 * value do not fail: they are listed with source "missing". Throws `manifest-invalid` with everything that is wrong,
 * and `usage` for a bundle or project name that cannot be.
 */
export function resolveStack(manifest: Manifest, options: ResolveOptions): Stack {
  const { stack, problems } = examine(manifest, options);
  if (problems.length > 0) throw manifestInvalid(manifest.file, problems);
  return stack;
}

/** Everything wrong in a manifest beyond its structure. Missing variables are not. */
export function checkManifest(manifest: Manifest, variables: Variables): readonly Problem[] {
  return examine(manifest, { variables }).problems;
}

function examine(
  manifest: Manifest,
  options: ResolveOptions,
): { stack: Stack; problems: readonly Problem[] } {
  const findings: Finding[] = [];
  const report = (finding: Finding): number => findings.push(finding);
  const project = chooseProject(manifest, options.project);
  const bundle = chooseBundle(manifest.bundles, options.bundle);
  const moved = options.movedPorts ?? new Map<number, number>();
  const uses = new Map<string, VariableUse>();
  const declared = new Map(manifest.resources.map((resource) => [resource.name, resource]));
  const resources: Resource[] = [];
  for (const resource of manifest.resources) {
    if (resource.broken) continue;
    const references: Reference[] = [];
    const body = interpolateTree(
      withRestart(resource, manifest),
      ["resources", resource.name, resource.kind],
      {
        project,
        ports: movePorts(bundle?.ports ?? {}, moved),
        variables: options.variables,
        report,
        onVariable: (use) => addUse(uses, use),
        onReference: (reference) => references.push(reference),
      },
    );
    const dependsOn = readDependencies({ ...resource, body }, references, { declared, report });
    const profiles = Array.isArray(body["profiles"]) ? body["profiles"].map(String) : [];
    resources.push({ name: resource.name, kind: resource.kind, dependsOn, profiles, declared: body });
  }
  checkCycles(resources, report);
  const stack: Stack = {
    project,
    version: manifest.project.version,
    description: manifest.project.description,
    manifestPath: manifest.file,
    directory: manifest.directory,
    format: manifest.format,
    resources,
    bundles: manifest.bundles,
    bundle: bundle?.name,
    movedPorts: moved,
    recovery: manifest.recovery,
    variables: [...uses.values()],
  };
  const index = buildIndex(resources);
  for (const resource of resources) checkGrammar(resource, { stack, index, report });
  return { stack, problems: toProblems(findings, manifest.locate) };
}

function chooseProject(manifest: Manifest, override: string | undefined): string {
  const project = override ?? manifest.project.name;
  if (override === undefined || isName(override)) return project;
  throw new LashError(
    "usage",
    `Cannot use project name ${JSON.stringify(project.slice(0, 60))}: not a valid name`,
    {
      hint: "Use a lower case letter, then lower case letters, digits, '_' and '-', 32 characters at most",
    },
  );
}

function movePorts(
  ports: Readonly<Record<string, number>>,
  moved: ReadonlyMap<number, number>,
): Readonly<Record<string, number>> {
  if (moved.size === 0) return ports;
  return Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, moved.get(port) ?? port]));
}

function chooseBundle(bundles: readonly PortBundle[], name: string | undefined): PortBundle | undefined {
  if (name === undefined) return bundles[0];
  const bundle = bundles.find((bundle) => bundle.name === name);
  if (bundle !== undefined) return bundle;
  const names = bundles.map((bundle) => bundle.name);
  const near = nearest(name, names);
  const known =
    names.length === 0 ? "the manifest declares none" : `the manifest declares ${names.join(", ")}`;
  throw new LashError("usage", `Cannot use port bundle ${JSON.stringify(name.slice(0, 60))}: ${known}`, {
    hint: near === undefined ? undefined : `Did you mean "${near}"?`,
  });
}

function withRestart({ kind, body }: DeclaredResource, { restart }: Manifest): JsonObject {
  const applies = restart !== undefined && !("restart" in body) && kind !== "task" && kind !== "external";
  return applies ? { ...body, restart } : body;
}

function addUse(uses: Map<string, VariableUse>, use: VariableUse): void {
  const key = `${use.scheme}.${use.name}`;
  const known = uses.get(key);
  // One use without default is enough to need the variable.
  if (known === undefined || (use.source === "missing" && known.source !== "missing")) uses.set(key, use);
}

function checkCycles(resources: readonly Resource[], report: (finding: Finding) => void): void {
  const edges = new Map(
    resources.map(({ name, dependsOn }) => [name, dependsOn.map((dependency) => dependency.name)]),
  );
  for (const cycle of findCycles(edges)) {
    report({
      path: ["resources", cycle[0] ?? ""],
      expected: "dependencies without a cycle",
      found: [...cycle, cycle[0]].join(" -> "),
      atKey: true,
    });
  }
}

interface GrammarContext {
  readonly stack: Stack;
  readonly index: StackIndex;
  readonly report: (finding: Finding) => void;
}

/** Lowers a resource with stand-ins for what is not known, and reports what no value of those could make right. */
function checkGrammar(resource: Resource, { stack, index, report }: GrammarContext): void {
  const { name, kind, dependsOn } = resource;
  const unknown: Path[] = [];
  const body = substitute(resource.declared, (part, path) => {
    if ("secret" in part) return part.value;
    if ("resource" in part) return standIn(part.property);
    unknown.push(["resources", name, kind, ...path]);
    return "1";
  });
  lower({
    name,
    kind,
    body,
    project: stack.project,
    directory: stack.directory,
    dependsOn,
    needsHost: dependsOn.some((dependency) => index.byName.get(dependency.name)?.kind === "process"),
    neededByHost: index.neededByHost.has(name),
    generated: () => "generated",
    report: (finding) => {
      if (!unknown.some((path) => startsWith(path, finding.path) || startsWith(finding.path, path)))
        report(finding);
    },
  });
}

/** A value of the sort that an output of this name has. */
function standIn(property: string): string {
  switch (property) {
    case "port":
    case "ports":
    case "host_port":
      return "1";
    case "exit_code":
      return "0";
    case "url":
      return "http://host:1";
    default:
      return "value";
  }
}

function startsWith(path: Path, prefix: Path): boolean {
  return prefix.length <= path.length && prefix.every((step, index) => step === path[index]);
}
