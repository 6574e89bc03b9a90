import { isLashError } from "../model/errors.ts";
import type { ResolvedResource, Stack } from "../model/stack.ts";
import { outputsOf } from "./outputs.ts";
import { parseManifest } from "./parse.ts";
import type { Problem } from "./problem.ts";
import { resolveResource } from "./resolve-resource.ts";
import { resolveStack } from "./resolve-stack.ts";
import type { Variables } from "./variables.ts";

/** Choices of a test's stack. */
export interface TestOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly bundle?: string;
  readonly project?: string;
  readonly file?: string;
}

/** Variables from plain records. */
function variablesOf({ env = {}, secrets = {} }: TestOptions): Variables {
  const entries = Object.entries(env).map(
    ([name, value]) => [name, { value, source: "environment" as const }] as const,
  );
  return { env: new Map(entries), secrets: new Map(Object.entries(secrets)) };
}

/** The stack of a manifest's text in the folder /m. */
export function stackOf(text: string, options: TestOptions = {}): Stack {
  const manifest = parseManifest(text, options.file ?? "/m/lash.yml");
  return resolveStack(manifest, {
    variables: variablesOf(options),
    bundle: options.bundle,
    project: options.project,
  });
}

/** A manifest with these resources, in YAML flow style. */
export function resources(text: string): string {
  return `project: { name: shop }\nresources: ${text}\n`;
}

/** All resources of a stack resolved in order of declaration, with the outputs that fixed ports allow. */
export function resolveAll(stack: Stack): ReadonlyMap<string, ResolvedResource> {
  const resolved = new Map<string, ResolvedResource>();
  for (const resource of stack.resources) {
    const viewpoint = resource.kind === "process" ? "host" : "container";
    const result = resolveResource(stack, resource, {
      output: (name, property) => {
        const dependency = resolved.get(name);
        return dependency === undefined ? undefined : outputsOf(dependency, [], viewpoint)[property];
      },
      generated: (name) => `generated-${name}`,
    });
    if (result.type === "resolved") resolved.set(resource.name, result.resource);
  }
  return resolved;
}

/** The one resource of this name, resolved. */
export function resolveOne(text: string, name: string, options: TestOptions = {}): ResolvedResource {
  const resource = resolveAll(stackOf(text, options)).get(name);
  if (resource === undefined) throw new Error(`${name} is deferred`);
  return resource;
}

/** The container part of a resolved resource. */
export function containerOf(
  resource: ResolvedResource,
): Extract<ResolvedResource["work"], { type: "container" }> {
  if (resource.work.type !== "container") throw new Error(`${resource.name} is no container`);
  return resource.work;
}

/** What `run` says is wrong; empty when nothing is. Whatever else is thrown goes on. */
export function problemsOf(run: () => unknown): readonly Problem[] {
  try {
    run();
    return [];
  } catch (thrown) {
    if (!isLashError(thrown, "manifest-invalid")) throw thrown;
    return thrown.data["problems"] as readonly Problem[];
  }
}

/** Milliseconds of processor time that `run` takes: a busy machine does not change it much. */
export function costOf(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Messages of what is wrong with a manifest. */
export function messagesOf(text: string, options: TestOptions = {}): readonly string[] {
  return problemsOf(() => stackOf(text, options)).map(({ message }) => message);
}
