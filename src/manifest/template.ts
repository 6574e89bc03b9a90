/** Piece of a text with interpolation: literal text, or something to look up. */
export type Piece =
  | string
  | { readonly scheme: "resources"; readonly name: string; readonly property: string }
  | { readonly scheme: "env"; readonly name: string; readonly fallback: readonly Piece[] | undefined }
  | { readonly scheme: "ports" | "secret" | "project"; readonly name: string };

/** A text that is no valid template: what was expected, and where in words. */
export interface TemplateError {
  readonly expected: string;
  readonly found: string;
}

/** How deep defaults may stand in defaults. */
const maxDepth = 10;

const schemes = "${resources.NAME.PROPERTY}, ${env.NAME}, ${ports.NAME}, ${secret.NAME} or ${project.name}";

/**
 * Pieces of a text with `${...}`. `${{ text }}` is the literal `${ text }`, a lone `$` is literal. Only a default of
 * `${env.NAME:-default}` may hold further references.
 */
export function parseTemplate(text: string): readonly Piece[] | TemplateError {
  const parser = new TemplateParser(text);
  const pieces = parser.pieces(0);
  return parser.error ?? pieces;
}

/** Whether parsing failed. */
export function isTemplateError(result: readonly Piece[] | TemplateError): result is TemplateError {
  return !Array.isArray(result);
}

class TemplateParser {
  error: TemplateError | undefined;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Pieces up to the end of the text, or of the enclosing reference when `depth` is above 0. */
  pieces(depth: number): readonly Piece[] {
    const pieces: Piece[] = [];
    while (this.error === undefined && this.#at < this.#text.length) {
      const next = this.#next("${");
      const close = depth === 0 ? this.#text.length : this.#next("}");
      const stop = Math.min(next, close);
      if (stop > this.#at) pieces.push(this.#text.slice(this.#at, stop));
      this.#at = stop;
      if (close <= next) break;
      const piece = this.#text.startsWith("${{", next) ? this.#escape() : this.#reference(depth);
      if (piece !== undefined) pieces.push(piece);
    }
    return pieces;
  }

  #escape(): Piece | undefined {
    const close = this.#text.indexOf("}}", this.#at + 3);
    if (close === -1) return this.#fail('"}}" to end "${{"', this.#rest());
    const literal = `\${${this.#text.slice(this.#at + 3, close)}}`;
    this.#at = close + 2;
    return literal;
  }

  #reference(depth: number): Piece | undefined {
    if (depth > maxDepth) return this.#fail(`defaults nested at most ${maxDepth} deep`, "more");
    const start = this.#at;
    const body = start + 2;
    const close = this.#next("}", body);
    const nested = this.#next("${", body);
    const isEnv = this.#text.startsWith("env.", body);
    const separator = isEnv ? this.#text.slice(body, Math.min(close, nested)).indexOf(":-") : -1;
    if (separator !== -1) {
      const fallbackAt = body + separator;
      this.#at = fallbackAt + 2;
      const fallback = this.pieces(depth + 1);
      if (this.error !== undefined) return undefined;
      if (this.#text[this.#at] !== "}")
        return this.#fail('"}" to end "${"', this.#text.slice(start, start + 60));
      this.#at++;
      const name = this.#text.slice(body + 4, fallbackAt);
      if (name === "") return this.#fail("${env.NAME:-default}", this.#text.slice(start, this.#at));
      return { scheme: "env", name, fallback };
    }
    if (close === this.#text.length) return this.#fail('"}" to end "${"', this.#rest());
    if (nested < close)
      return this.#fail("references inside a reference only in the default of ${env...}", this.#rest());
    this.#at = close + 1;
    return this.#simple(this.#text.slice(body, close));
  }

  #simple(body: string): Piece | undefined {
    const written = `\${${body.slice(0, 60)}}`;
    const dot = body.indexOf(".");
    const scheme = dot === -1 ? body : body.slice(0, dot);
    const name = dot === -1 ? "" : body.slice(dot + 1);
    if (scheme === "resources") {
      const split = name.indexOf(".");
      const property = split === -1 ? "" : name.slice(split + 1);
      if (split < 1 || property === "") return this.#fail("${resources.NAME.PROPERTY}", written);
      return { scheme, name: name.slice(0, split), property };
    }
    if (scheme === "env") {
      return name === "" ? this.#fail("${env.NAME}", written) : { scheme, name, fallback: undefined };
    }
    if (scheme === "ports" || scheme === "secret" || scheme === "project") {
      return name === "" ? this.#fail(schemes, written) : { scheme, name };
    }
    return this.#fail(schemes, written);
  }

  #next(token: string, from = this.#at): number {
    const index = this.#text.indexOf(token, from);
    return index === -1 ? this.#text.length : index;
  }

  #rest(): string {
    return this.#text.slice(this.#at, this.#at + 60);
  }

  #fail(expected: string, found: string): undefined {
    this.error ??= { expected, found: JSON.stringify(found) };
    return undefined;
  }
}
