import type { JsonObject, JsonValue } from "../model/json.ts";
import type { Parsed } from "../model/parsed.ts";
import { isObject, own, textOf } from "./json-tree.ts";
import { describeFound, isSecretPath, type Path, type Report } from "./problem.ts";

/** Bounds of a number, both taken. */
export interface Bounds {
  readonly min: number;
  readonly max?: number;
}

/**
 * Reads the fields of one mapping whose structure is already checked and whose texts are interpolated. A text that its
 * grammar refuses is reported, and reads as if it was not there.
 */
export class Fields {
  readonly path: Path;
  readonly #body: JsonObject;
  readonly #report: Report;

  constructor(body: JsonObject, path: Path, report: Report) {
    this.#body = body;
    this.path = path;
    this.#report = report;
  }

  /** The value as it is; undefined for null too. */
  raw(key: string): JsonValue | undefined {
    return own(this.#body, key) ?? undefined;
  }

  has(key: string): boolean {
    return this.raw(key) !== undefined;
  }

  /** A text; numbers and booleans as text. */
  text(key: string): string | undefined {
    const value = this.raw(key);
    return value === undefined || typeof value === "object" ? undefined : String(value);
  }

  /** A text that is not blank. */
  filled(key: string): string | undefined {
    const value = this.text(key);
    if (value === undefined || value.trim() !== "") return value;
    this.wrong(key, "a text that is not empty");
    return undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.raw(key);
    return typeof value === "boolean" ? value : undefined;
  }

  /** A text by its grammar. */
  grammar<Value>(key: string, parse: (text: string) => Parsed<Value>): Value | undefined {
    const value = this.text(key);
    if (value === undefined) return undefined;
    const result = parse(value);
    if (result.ok) return result.value;
    this.wrong(key, result.expected);
    return undefined;
  }

  /** A number, also one that came out of a text. */
  number(key: string, bounds: Bounds): number | undefined {
    const value = this.#number(key, bounds);
    if (value === undefined || (value >= bounds.min && value <= (bounds.max ?? Infinity))) return value;
    this.wrong(key, expectedNumber("a number", bounds));
    return undefined;
  }

  /** A whole number, also one that came out of a text. */
  integer(key: string, bounds: Bounds): number | undefined {
    const value = this.#number(key, bounds);
    if (value === undefined) return undefined;
    if (Number.isSafeInteger(value) && value >= bounds.min && value <= (bounds.max ?? Infinity)) return value;
    this.wrong(key, expectedNumber("a whole number", bounds));
    return undefined;
  }

  /** A list of texts; one text is a list of one. */
  list(key: string): readonly string[] | undefined {
    const value = this.raw(key);
    if (value === undefined || isObject(value)) return undefined;
    return Array.isArray(value) ? value.map(textOf) : [textOf(value)];
  }

  /** Each item of a list of texts by its grammar; refused items are left out. */
  listOf<Value>(key: string, parse: (text: string) => Parsed<Value>): readonly Value[] {
    return (this.list(key) ?? []).flatMap((item, index) => {
      const result = parse(item);
      if (result.ok) return [result.value];
      this.#report({
        path: [...this.path, key, index],
        expected: result.expected,
        found: describeFound(item),
      });
      return [];
    });
  }

  /** A mapping of texts; empty when there is none. */
  map(key: string): Readonly<Record<string, string>> {
    const value = this.raw(key);
    if (!isObject(value)) return {};
    return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, textOf(text)]));
  }

  /** Fields of a mapping below this one. */
  inside(key: string): Fields | undefined {
    const value = this.raw(key);
    return isObject(value) ? new Fields(value, [...this.path, key], this.#report) : undefined;
  }

  /** A shell's text or a list of arguments as arguments. */
  command(key: string): readonly string[] | undefined {
    const value = this.raw(key);
    return typeof value === "string" ? ["sh", "-c", value] : this.list(key);
  }

  /** Reports what stands at `key`, or below it. */
  wrong(key: string | readonly (string | number)[], expected: string, found?: string): void {
    const path = [...this.path, ...(typeof key === "string" ? [key] : key)];
    const value = typeof key === "string" ? this.raw(key) : undefined;
    this.#report({ path, expected, found: found ?? describeFound(value, isSecretPath(path)) });
  }

  #number(key: string, bounds: Bounds): number | undefined {
    const value = this.raw(key);
    if (typeof value === "number") return value;
    if (typeof value !== "string") return undefined;
    if (/^-?\d+(?:\.\d+)?$/.test(value.trim())) return Number(value);
    this.wrong(key, expectedNumber("a number", bounds));
    return undefined;
  }
}

function expectedNumber(what: string, { min, max }: Bounds): string {
  return max === undefined ? `${what} of at least ${min}` : `${what} from ${min} to ${max}`;
}
