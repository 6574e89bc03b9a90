import { LashError } from "../model/errors.ts";
import { nearest } from "../model/nearest.ts";
import type { Resource, Stack } from "../model/stack.ts";
import { indexOf } from "./stack-index.ts";

/**
 * Names of a stack's resources in levels: each needs only resources of levels before its own, and stands as early as
 * that allows. In the manifest's order within a level. Dependencies that are not in the stack do not count.
 */
export function topologicalLevels(stack: Stack): readonly (readonly string[])[] {
  const { byName } = indexOf(stack);
  const waiting = new Map<string, number>();
  const dependents = new Map<string, string[]>();
  for (const { name, dependsOn } of stack.resources) {
    const needed = dependsOn.filter((dependency) => byName.has(dependency.name));
    waiting.set(name, needed.length);
    for (const dependency of needed) {
      const list = dependents.get(dependency.name);
      if (list === undefined) dependents.set(dependency.name, [name]);
      else list.push(name);
    }
  }
  const position = new Map(stack.resources.map(({ name }, index) => [name, index]));
  const levels: (readonly string[])[] = [];
  let level = stack.resources.filter(({ name }) => waiting.get(name) === 0).map(({ name }) => name);
  while (level.length > 0) {
    levels.push(level);
    const next: string[] = [];
    for (const dependent of level.flatMap((name) => dependents.get(name) ?? [])) {
      const left = (waiting.get(dependent) ?? 0) - 1;
      waiting.set(dependent, left);
      if (left === 0) next.push(dependent);
    }
    level = next.sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
  }
  return levels;
}

/**
 * The stack with only some of its resources: those named, or without names all whose profiles are active (a resource
 * without profiles always is); with `withDependencies` also all that they need, whatever the profile. Throws
 * `resource-unknown` for a name that is not in the stack.
 */
export function selectResources(
  stack: Stack,
  names: readonly string[],
  profiles: readonly string[],
  options: { readonly withDependencies: boolean },
): Stack {
  const { byName } = indexOf(stack);
  const unknown = names.find((name) => !byName.has(name));
  if (unknown !== undefined) throw resourceUnknown(stack, unknown);
  const wanted =
    names.length > 0
      ? [...names]
      : stack.resources.filter((resource) => isActive(resource, profiles)).map(({ name }) => name);
  const selected = new Set(wanted);
  if (options.withDependencies) {
    for (const name of selected) {
      // A set's iteration also visits what is added during it.
      for (const dependency of byName.get(name)?.dependsOn ?? []) {
        if (byName.has(dependency.name)) selected.add(dependency.name);
      }
    }
  }
  if (selected.size === stack.resources.length) return stack;
  return { ...stack, resources: stack.resources.filter(({ name }) => selected.has(name)) };
}

/** The stack's dependencies as text: indented levels, a Mermaid flow chart or a DOT digraph. */
export function renderGraph(stack: Stack, format: "text" | "mermaid" | "dot"): string {
  switch (format) {
    case "text":
      return renderText(stack);
    case "mermaid":
      return renderMermaid(stack);
    case "dot":
      return renderDot(stack);
  }
}

function isActive({ profiles }: Resource, active: readonly string[]): boolean {
  return profiles.length === 0 || profiles.some((profile) => active.includes(profile));
}

function resourceUnknown(stack: Stack, name: string): LashError {
  const known = stack.resources.map((resource) => resource.name);
  const near = nearest(name, known);
  return new LashError(
    "resource-unknown",
    `Cannot select "${name}": no such resource in project "${stack.project}"`,
    {
      data: { resource: name, nearest: near },
      hint: near === undefined ? undefined : `Did you mean "${near}"?`,
    },
  );
}

function renderText(stack: Stack): string {
  const { byName } = indexOf(stack);
  const lines = topologicalLevels(stack).flatMap((level, index) =>
    level.map((name) => {
      const resource = byName.get(name);
      const needs = (resource?.dependsOn ?? []).map(
        (dependency) => `${dependency.name} (${dependency.condition})`,
      );
      return `${index}  ${name} [${resource?.kind ?? ""}]${needs.length === 0 ? "" : ` needs ${needs.join(", ")}`}`;
    }),
  );
  return lines.join("\n");
}

function renderMermaid(stack: Stack): string {
  // Names like "end" are words of Mermaid, so nodes get numbers and carry their names as labels.
  const ids = new Map(stack.resources.map(({ name }, index) => [name, `n${index}`]));
  const nodes = stack.resources.map(({ name, kind }) => `  ${ids.get(name) ?? ""}["${name} (${kind})"]`);
  const edges = stack.resources.flatMap(({ name, dependsOn }) =>
    dependsOn.flatMap((dependency) => {
      const target = ids.get(dependency.name);
      const arrow = dependency.implicit ? "-.->" : "-->";
      return target === undefined
        ? []
        : [`  ${ids.get(name) ?? ""} ${arrow}|${dependency.condition}| ${target}`];
    }),
  );
  return ["flowchart TD", ...nodes, ...edges].join("\n");
}

function renderDot(stack: Stack): string {
  const { byName } = indexOf(stack);
  const nodes = stack.resources.map(({ name, kind }) => `  "${name}" [label="${name}\\n${kind}"];`);
  const edges = stack.resources.flatMap(({ name, dependsOn }) =>
    dependsOn
      .filter((dependency) => byName.has(dependency.name))
      .map((dependency) => {
        const style = dependency.implicit ? ", style=dashed" : "";
        return `  "${name}" -> "${dependency.name}" [label="${dependency.condition}"${style}];`;
      }),
  );
  return [`digraph "${stack.project}" {`, ...nodes, ...edges, "}"].join("\n");
}
