import { LashError } from "../model/errors.ts";
import type { JsonValue } from "../model/json.ts";

/** Where a value stands in a manifest: keys and list indexes from the top. */
export type Path = readonly (string | number)[];

/** A place in a text, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong in a manifest, or a warning about it. */
export interface Problem extends Position {
  /** For example "resources.api.container.ports.0"; "" is the whole file. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
  /** For people: one sentence with all of the above but the position. */
  readonly message: string;
  /** Valid word that what was found may be a typing error of. */
  readonly nearest?: string | undefined;
}

/** A problem before its position is known: positions cost a walk, and most manifests have no problem. */
export interface Finding {
  readonly path: Path;
  readonly expected: string;
  readonly found: string;
  /** The valid word that is meant, maybe. Asked only for what is listed: comparing words is dear. */
  readonly nearest?: (() => string | undefined) | undefined;
  /** Whether the key itself is the problem, not its value. */
  readonly atKey?: boolean | undefined;
  /** Whether it is a key that the schema does not know, which one format only warns of. */
  readonly unknownKey?: boolean | undefined;
}

/** Takes what is found wrong. */
export type Report = (finding: Finding) => void;

/** Gives the position of a value, or of its key; of the nearest ancestor when the path is not in the file. */
export type Locate = (path: Path, what?: "key" | "value") => Position;

/** Problems listed in an error; the rest is counted. */
const maxListedProblems = 100;

/** The findings as problems, in the file's order; a nearest word is looked for only for those that are listed. */
export function toProblems(findings: readonly Finding[], locate: Locate): readonly Problem[] {
  return findings
    .map((finding) => ({ finding, position: locate(finding.path, finding.atKey === true ? "key" : "value") }))
    .sort((a, b) => byPosition(a.position, b.position))
    .map(({ finding, position }, index) => toProblem(finding, position, index < maxListedProblems));
}

function toProblem(finding: Finding, position: Position, isListed: boolean): Problem {
  const { expected, found } = finding;
  const nearest = isListed ? finding.nearest?.() : undefined;
  const path = finding.path.join(".");
  const suggestion = nearest === undefined ? "" : `, did you mean "${nearest}"`;
  const message = `${path === "" ? "" : `${path}: `}expected ${expected}, found ${found}${suggestion}`;
  return { ...position, path, expected, found, message, nearest };
}

function byPosition(a: Position, b: Position): number {
  return a.line - b.line || a.column - b.column;
}

/** The error that says everything wrong with `file`: the first problems in the file's order, and how many there are. */
export function manifestInvalid(
  file: string,
  problems: readonly Problem[],
  total: number = problems.length,
): LashError {
  const sorted = [...problems].sort(byPosition);
  return new LashError("manifest-invalid", `Cannot read ${file}: ${total} problem${total === 1 ? "" : "s"}`, {
    data: { file, problems: sorted.slice(0, maxListedProblems), total },
  });
}

/** What was found, in words; long texts are cut, and `secret` says only what sort of value it is. */
export function describeFound(value: JsonValue | undefined, secret = false): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  if (secret) return typeof value === "string" ? "a text" : `a ${typeof value}`;
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}

/** Whether the value at `path` may be a secret, so that no message may repeat it. */
export function isSecretPath(path: Path): boolean {
  return path.includes("secrets") || path.at(-1) === "password";
}
