import type { Failure } from "../recovery/failure.ts";

/** What `lash doctor` looks at, in the order in which it is told. */
export type CheckName =
  | "manifest"
  | "variables"
  | "secrets"
  | "engine"
  | "socket"
  | "api version"
  | "engine choice"
  | "ports"
  | "other bundles"
  | "network pools"
  | "engine disk"
  | "own disk"
  | "images"
  | "bind mounts"
  | "networks"
  | "names";

/** What one check found. */
export interface Check {
  readonly name: CheckName;
  /** "note": worth knowing, and no reason for an `up` to fail. "skipped": `said` tells why. */
  readonly outcome: "ok" | "problem" | "note" | "skipped";
  /** One sentence for people, no full stop. */
  readonly said: string;
  /** Of a problem at least one. */
  readonly problems: readonly Failure[];
}

export interface DoctorReport {
  /** Undefined without a manifest that can be read. */
  readonly project: string | undefined;
  readonly manifest: string | undefined;
  /**
   * "ready": nothing was found that would stop an `up`. "no-engine": the engine is needed, cannot be used, and nothing
   * else is wrong.
   */
  readonly verdict: "ready" | "trouble" | "no-engine";
  readonly checks: readonly Check[];
}

export function ok(name: CheckName, said: string): Check {
  return { name, outcome: "ok", said, problems: [] };
}

export function note(name: CheckName, said: string): Check {
  return { name, outcome: "note", said, problems: [] };
}

export function skipped(name: CheckName, because: string): Check {
  return { name, outcome: "skipped", said: because, problems: [] };
}

export function problem(name: CheckName, said: string, problems: readonly Failure[]): Check {
  return { name, outcome: "problem", said, problems };
}

const unreachable: ReadonlySet<Failure["code"]> = new Set([
  "engine-unreachable",
  "engine-permission",
  "engine-api-version",
  "engine-wrong-host",
]);

/** What all checks together say. */
export function verdictOf(checks: readonly Check[]): DoctorReport["verdict"] {
  const problems = checks.flatMap((each) => each.problems);
  if (problems.length === 0) return "ready";
  return problems.every(({ code }) => unreachable.has(code)) ? "no-engine" : "trouble";
}

/** "1 port", "3 ports". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** Names of the first few, and how many more there are. */
export function listed(names: readonly string[]): string {
  const most = 5;
  const shown = names.slice(0, most).map((name) => `"${name}"`);
  return names.length > most ? `${shown.join(", ")} and ${names.length - most} more` : shown.join(", ");
}
