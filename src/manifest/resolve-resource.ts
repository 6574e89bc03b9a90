import { LashError } from "../model/errors.ts";
import type { ResolvedResource, Resource, Stack } from "../model/stack.ts";
import { lower } from "./lower.ts";
import { type Finding, manifestInvalid, toProblems } from "./problem.ts";
import { indexOf } from "./stack-index.ts";
import { substitute } from "./substitute.ts";

/** What resolving a resource needs from outside. */
export interface ResolveContext {
  /** Output of a resource as this one needs it; undefined while it is not known. */
  readonly output: (name: string, property: string) => string | undefined;
  /** Password of a managed resource that declares none; the same at every call. */
  readonly generated: (resource: string) => string;
}

/** A resource ready to be started, or the output that is not known yet. */
export type Resolution =
  | { readonly type: "resolved"; readonly resource: ResolvedResource }
  | { readonly type: "deferred"; readonly on: { readonly name: string; readonly property: string } };

/**
 * Puts outputs in the place of references and parses what is left to parse. Throws `variable-missing` when a variable
 * has no value, and `manifest-invalid` when an output does not fit where it stands.
 */
export function resolveResource(stack: Stack, resource: Resource, context: ResolveContext): Resolution {
  const missing = new Set<string>();
  const secrets: string[] = [];
  let deferred: { name: string; property: string } | undefined;
  const body = substitute(resource.declared, (part) => {
    if ("missing" in part) {
      missing.add(`${part.scheme}.${part.missing}`);
      return "";
    }
    if ("secret" in part) {
      secrets.push(part.value);
      return part.value;
    }
    const value = context.output(part.resource, part.property);
    if (value === undefined) deferred ??= { name: part.resource, property: part.property };
    return value ?? "";
  });
  if (missing.size > 0) throw variableMissing(resource.name, [...missing].sort());
  if (deferred !== undefined) return { type: "deferred", on: deferred };
  const findings: Finding[] = [];
  const { byName, neededByHost } = indexOf(stack);
  const resolved = lower({
    name: resource.name,
    kind: resource.kind,
    body,
    project: stack.project,
    directory: stack.directory,
    dependsOn: resource.dependsOn,
    needsHost: resource.dependsOn.some(({ name }) => byName.get(name)?.kind === "process"),
    neededByHost: neededByHost.has(resource.name),
    generated: context.generated,
    report: (finding) => findings.push(finding),
  });
  if (findings.length > 0) {
    const problems = toProblems(findings, () => ({ line: 1, column: 1 }));
    throw manifestInvalid(stack.manifestPath, problems);
  }
  return { type: "resolved", resource: secrets.length === 0 ? resolved : withSecrets(resolved, secrets) };
}

function withSecrets(resolved: ResolvedResource, secrets: readonly string[]): ResolvedResource {
  return {
    ...resolved,
    secrets: [...new Set([...resolved.secrets, ...secrets])].filter((secret) => secret !== ""),
  };
}

function variableMissing(resource: string, names: readonly string[]): LashError {
  return new LashError("variable-missing", `Cannot resolve "${resource}": no value for ${names.join(", ")}`, {
    data: { resource, variables: names },
    hint: "Set the variable, or give a default: ${env.NAME:-default}",
  });
}
