import { posix } from "node:path";
import { LashError } from "../../model/errors.ts";

/** What a build leaves out of its context. Paths are relative, with "/". */
export interface IgnoreRules {
  /** Whether the path is left out. */
  excludes(path: string): boolean;
  /** Whether nothing below this left-out folder can be taken back in, so that it need not be looked at. */
  excludesAllBelow(path: string): boolean;
}

interface Rule {
  readonly isException: boolean;
  readonly matches: RegExp;
  /** Folders before the first wildcard. */
  readonly fixedParts: readonly string[];
  readonly hasWildcard: boolean;
}

/**
 * The rules of a `.dockerignore`, as moby/patternmatcher reads them (v0.6): lines are tried in order and the last that
 * matches the path or one of its folders wins. Rejects with `usage` on a line that is no pattern; `file` is named there.
 */
export function parseIgnoreRules(text: string, file: string): IgnoreRules {
  const rules = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => parseRule(line, file));
  const exceptions = rules.filter(({ isException }) => isException);
  return {
    excludes(path) {
      const parts = path.split("/");
      const candidates = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
      let isExcluded = false;
      for (const { isException, matches } of rules) {
        if (isException === isExcluded && candidates.some((each) => matches.test(each)))
          isExcluded = !isException;
      }
      return isExcluded;
    },
    excludesAllBelow(path) {
      const parts = path.split("/");
      return !exceptions.some(({ fixedParts, hasWildcard }) => {
        const shared = Math.min(parts.length, fixedParts.length);
        const agrees = parts.slice(0, shared).every((part, index) => part === fixedParts[index]);
        return agrees && (hasWildcard || fixedParts.length > 0);
      });
    },
  };
}

function parseRule(line: string, file: string): Rule {
  const isException = line.startsWith("!");
  const written = isException ? line.slice(1).trim() : line;
  const pattern =
    written === ""
      ? ""
      : posix
          .normalize(written)
          .replace(/^\/(?=.)/, "")
          .replace(/(?<=.)\/$/, "");
  const source = pattern === "" ? undefined : regexOf(pattern);
  if (source === undefined) {
    throw new LashError("usage", `Cannot read "${file}": "${line}" is no pattern`, { data: { file, line } });
  }
  const parts = pattern.split("/");
  const firstWild = parts.findIndex((part) => /[*?[\\]/.test(part));
  return {
    isException,
    matches: source,
    fixedParts: firstWild === -1 ? parts : parts.slice(0, firstWild),
    hasWildcard: firstWild !== -1,
  };
}

/** Undefined when it is no pattern. */
function regexOf(pattern: string): RegExp | undefined {
  let source = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at] ?? "";
    if (char === "*" && pattern[at + 1] === "*") {
      const isStart = at === 0;
      at += 1;
      const eatsSlash = pattern[at + 1] === "/";
      if (eatsSlash) at += 1;
      const rest = pattern.slice(at + 1);
      // "**foo" takes any ending, "a**b" and "**/foo" whole folders.
      const isSuffix = isStart && !eatsSlash && !/[*?[\]\\]/.test(rest);
      source += rest === "" || isSuffix ? ".*" : "(?:.*/)?";
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "\\") {
      at += 1;
      source += literal(pattern[at] ?? "\\");
    } else if (char === "[") {
      const end = pattern.indexOf("]", pattern[at + 1] === "^" ? at + 3 : at + 2);
      if (end === -1) return undefined;
      source += classOf(pattern.slice(at + 1, end));
      at = end;
    } else source += literal(char);
  }
  try {
    return new RegExp(`^${source}$`, "s");
  } catch {
    return undefined;
  }
}

function classOf(inside: string): string {
  const isNegated = inside.startsWith("^");
  const set = (isNegated ? inside.slice(1) : inside).replace(/[[\]^]/g, "\\$&");
  return isNegated ? `[^${set}]` : `[${set}]`;
}

function literal(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}
