import { type Document, parseDocument, type YAMLParseError } from "yaml";
import type { JsonValue } from "../model/json.ts";
import type { Finding, Locate, Position, Problem } from "./problem.ts";
import { createLocator } from "./yaml-locate.ts";
import { LineIndex, refuseEarly } from "./yaml-text.ts";
import { readTree } from "./yaml-tree.ts";

/** A YAML text as plain JSON values, with the way back to positions. */
export interface YamlSource {
  readonly tree: JsonValue;
  /** Errors of the syntax: the tree cannot be trusted when there are any. */
  readonly syntax: readonly Problem[];
  /** How many there are; the first of them are listed. */
  readonly syntaxTotal: number;
  /** What is valid YAML and refused nevertheless: duplicate keys, tags, cyclic or exploding aliases... */
  readonly findings: readonly Finding[];
  readonly locate: Locate;
}

/** Errors of the syntax that are kept: one error often brings all that follow. */
const maxSyntaxErrors = 100;

const options = { prettyErrors: false, uniqueKeys: false, logLevel: "error", version: "1.2" } as const;

/** Reads one YAML 1.2 document. Never throws. Linear in the text; what is clearly no manifest is refused early. */
export function readYaml(text: string): YamlSource {
  const refused = refuseEarly(text);
  if (refused !== undefined)
    return { tree: null, syntax: [refused], syntaxTotal: 1, findings: [], locate: () => refused };
  const lines = new LineIndex(text);
  const document = parseBounded(text);
  if (document === undefined) {
    const problem = syntaxProblem("nesting that is too deep", { line: 1, column: 1 });
    return { tree: null, syntax: [problem], syntaxTotal: 1, findings: [], locate: () => problem };
  }
  const syntax = document.errors
    .slice(0, maxSyntaxErrors)
    .map((error) => syntaxProblem(inWords(error), lines.position(error.pos[0])));
  const syntaxTotal = document.errors.length;
  if (syntaxTotal > 0)
    return { tree: null, syntax, syntaxTotal, findings: [], locate: () => ({ line: 1, column: 1 }) };
  const { tree, findings, anchors } = readTree(document.contents);
  const locate = createLocator(document.contents, anchors, (offset) => lines.position(offset));
  return { tree, syntax, syntaxTotal, findings, locate };
}

function parseBounded(text: string): Document.Parsed | undefined {
  try {
    return parseDocument(text, options);
  } catch (thrown) {
    // The parser recurses with the nesting, so a few thousand levels exhaust the call stack.
    if (thrown instanceof RangeError || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

function inWords(error: YAMLParseError): string {
  if (error.code === "MULTIPLE_DOCS") return "a second document, where a file holds one";
  const message = error.message.split("\n")[0] ?? "";
  return /stack overflow|call stack/i.test(message) ? "nesting that is too deep" : message;
}

function syntaxProblem(found: string, position: Position): Problem {
  const expected = "valid YAML";
  return { ...position, path: "", expected, found, message: `expected ${expected}, found: ${found}` };
}
