/** Line of an environment file that cannot be read. */
interface DotenvProblem {
  readonly line: number;
  readonly expected: string;
}

/** An environment file, read as far as it can be. */
export interface Dotenv {
  /** In the file's order; the last of several equal names wins. */
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly DotenvProblem[];
}

/**
 * Reads `KEY=VALUE` lines: an `export` in front, blank lines, `#` lines and a byte order mark are skipped; quotes end
 * at the first that matches and what follows is dropped; ` #` starts a comment behind an unquoted value. Nothing is
 * escaped or expanded, no value spans lines. A quote that does not end is part of the value.
 */
export function parseDotenv(text: string): Dotenv {
  const values = new Map<string, string>();
  const problems: DotenvProblem[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const assignment = line.replace(/^export[ \t]+/, "");
    const equals = assignment.indexOf("=");
    const key = assignment.slice(0, Math.max(0, equals)).trim();
    if (equals === -1) problems.push({ line: index + 1, expected: "KEY=VALUE" });
    else if (key === "") problems.push({ line: index + 1, expected: "a name before '='" });
    else values.set(key, readValue(assignment.slice(equals + 1)));
  }
  return { values, problems };
}

function readValue(text: string): string {
  const value = text.trimStart();
  const quote = value[0];
  if (quote === '"' || quote === "'") {
    const end = value.indexOf(quote, 1);
    if (end !== -1) return value.slice(1, end);
  }
  const comment = text.search(/[ \t]#/);
  return (comment === -1 ? text : text.slice(0, comment)).trim();
}
