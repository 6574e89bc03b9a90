import type { Failure } from "../../app/types.ts";
import { type ErrorCode, isLashError, messageOf } from "../../model/errors.ts";
import { failureReport } from "./failure.ts";
import type { Paint } from "./paint.ts";
import { plain, shortPath, wrap } from "./text.ts";
import type { Told } from "./told.ts";

export interface ErrorOptions {
  readonly paint: Paint;
  /** Columns to wrap at; undefined: do not wrap. */
  readonly columns: number | undefined;
  /** Paths below it are shown relative to it. */
  readonly cwd: string;
  /** Causes and stack too. */
  readonly verbose: boolean;
  /** What was said before; undefined: nothing. */
  readonly told?: Told | undefined;
}

/** Problems of a manifest that are listed; the rest is counted. */
const maxProblems = 100;

/** Columns a message needs beside its place; with fewer it stands below. */
const narrowest = 40;

/** An error as lines for people: what failed and followed from it, the error itself, its problems, the hint. */
export function errorLines(thrown: unknown, options: ErrorOptions): readonly string[] {
  const { paint, columns } = options;
  const code: ErrorCode = isLashError(thrown) ? thrown.code : "internal";
  const head = `${paint.as("red", `error[${code}]`)} `;
  const data = isLashError(thrown) ? thrown.data : {};
  const failures = failuresOf(data);
  const message = plain(headline(messageOf(thrown), failures));
  const first = columns === undefined ? [message] : wrap(message, columns - code.length - 8);
  return [
    ...failureReport(
      failures.filter((each) => options.told?.knows(each) !== true),
      { paint, columns },
    ),
    ...first.map((line, at) => `${at === 0 ? head : "  "}${line}`),
    ...problemLines(data, options),
    ...leftoverLines(data["leftovers"]),
    ...triedLines(data["tried"]),
    ...hintLines(hintOf(thrown), columns),
    ...(options.verbose ? causeLines(thrown) : []),
  ];
}

/** What `--json` prints for an error. */
export interface ErrorDocument {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint: string | null;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

export function errorDocument(thrown: unknown): ErrorDocument {
  if (!isLashError(thrown)) {
    return { error: { code: "internal", message: messageOf(thrown), hint: null, data: {} } };
  }
  return {
    error: { code: thrown.code, message: thrown.message, hint: thrown.hint ?? null, data: thrown.data },
  };
}

function hintOf(thrown: unknown): string | undefined {
  if (isLashError(thrown)) return thrown.hint;
  return "This is a fault of Lash: run it again with --verbose and report what it prints";
}

function hintLines(hint: string | undefined, columns: number | undefined): readonly string[] {
  if (hint === undefined) return [];
  const lines = hint.split("\n").map(plain);
  return lines
    .flatMap((line) => (columns === undefined ? [line] : wrap(line, columns - 2)))
    .map((line) => `  ${line}`);
}

/** The message without a failure's own sentence at its end: that stands in the block above. */
function headline(message: string, failures: readonly Failure[]): string {
  const said = failures.find((each) => each.message !== "" && message.endsWith(`: ${each.message}`));
  if (said === undefined) return message;
  const what = said.subject === "" ? said.code : `"${said.subject}" failed: ${said.code}`;
  return `${message.slice(0, -said.message.length)}${what}`;
}

/** The failures an error carries, read with care: it may come from another copy of this package. */
function failuresOf(data: Readonly<Record<string, unknown>>): readonly Failure[] {
  const failures = data["failures"];
  return Array.isArray(failures) ? failures.filter(isFailure) : [];
}

function isFailure(value: unknown): value is Failure {
  return typeof value === "object" && value !== null && "code" in value && "message" in value;
}

function leftoverLines(leftovers: unknown): readonly string[] {
  return Array.isArray(leftovers) ? leftovers.map((each) => `  - ${plain(asText(each))}`) : [];
}

/** Where an engine was looked for: "unix:///run/docker.sock (default): no such file". */
function triedLines(tried: unknown): readonly string[] {
  if (!Array.isArray(tried)) return [];
  return tried.map((each) => {
    const { endpoint, source, reason } = asRecord(each);
    return `  - ${plain(`${asText(endpoint)} (${asText(source)}): ${asText(reason)}`)}`;
  });
}

function problemLines(data: Readonly<Record<string, unknown>>, options: ErrorOptions): readonly string[] {
  const problems = data["problems"];
  if (!Array.isArray(problems)) return [];
  const listed = problems.slice(0, maxProblems);
  const total = typeof data["total"] === "number" ? data["total"] : problems.length;
  const lines = listed.flatMap((each) => problemBlock({ file: data["file"], ...asRecord(each) }, options));
  return total > listed.length ? [...lines, `  ... and ${total - listed.length} more`] : lines;
}

/** "lash.yml:3:5  resources.api: expected ..., found ..." */
function problemBlock(
  problem: Readonly<Record<string, unknown>>,
  { paint, columns, cwd }: ErrorOptions,
): readonly string[] {
  const word = (key: string): string => (problem[key] === undefined ? "" : plain(asText(problem[key])));
  const place = [shortPath(word("file"), cwd), word("line"), word("column")]
    .filter((each) => each !== "")
    .join(":");
  const [first = "", ...rest] =
    columns === undefined ? [word("message")] : wrap(word("message"), columns - place.length - 4);
  if (columns !== undefined && columns - place.length < narrowest) {
    return [
      `  ${paint.as("bold", place)}`,
      ...wrap(word("message"), columns - 4).map((line) => `    ${line}`),
    ];
  }
  const indent = " ".repeat(place.length + 4);
  return [`  ${paint.as("bold", place)}  ${first}`, ...rest.map((line) => `${indent}${line}`)];
}

function causeLines(thrown: unknown): readonly string[] {
  const lines: string[] = [];
  let at: unknown = thrown;
  while (at !== undefined && lines.length < 100) {
    const stack = at instanceof Error ? (at.stack ?? at.message) : asText(at);
    lines.push(...stack.split("\n").map((line) => `  ${plain(line)}`));
    at = at instanceof Error ? at.cause : undefined;
    if (at !== undefined) lines.push("  caused by");
  }
  return lines;
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : { message: value };
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
