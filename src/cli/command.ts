import { LashError } from "../model/errors.ts";
import { parseCount, parseDurationMs } from "./values.ts";

/** What the parser hands over for one option. */
export type RawOption = boolean | string | readonly string[] | undefined;

/** Words that shell completion offers. */
export type Completion = "file" | "resource" | "none" | readonly string[];

/** One flag: how it is written, what it says of itself, how its value is read. */
export interface OptionSpec<T = unknown> {
  /** In commander's notation, for example "-d, --detach" or "--grace <time>". */
  readonly flags: string;
  readonly description: string;
  readonly repeats: boolean;
  readonly complete: Completion;
  /** Throws `usage` on a value that makes no sense. */
  readonly read: (raw: RawOption) => T;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** Values of a command's options, by the names of its option specs. */
export type Values<O extends OptionSpecs> = {
  readonly [K in keyof O]: O[K] extends OptionSpec<infer T> ? T : never;
};

export interface ArgumentSpec {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly complete: Completion;
}

/** What `--json` makes a command print on stdout; "none": it has nothing of its own to print. */
type JsonForm = "document" | "lines" | "none";

/** A command as help, documentation and completion see it. Its body is loaded only when it runs. */
export interface CommandSpec<O extends OptionSpecs = OptionSpecs> {
  /** As typed, for example "secrets check". */
  readonly name: string;
  readonly summary: string;
  /** Paragraphs under the summary, for help. */
  readonly details?: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: O;
  readonly examples: readonly { readonly run: string; readonly does: string }[];
  readonly json: JsonForm;
  readonly hidden?: true;
  /** Standard output is a log: when it cannot be written, lines are lost and nothing else. */
  readonly logs?: true;
  /** Everything after the first argument belongs to the command that is started, flags too. */
  readonly passThrough?: true;
}

/** What one call of a command was given. */
export interface Input<O extends OptionSpecs = OptionSpecs> {
  readonly arguments: readonly string[];
  readonly options: Values<O>;
}

/** Input of a declared command. */
export type InputOf<S> = S extends CommandSpec<infer O> ? Input<O> : never;

/** Types a command's declaration by its own options. */
export function defineCommand<O extends OptionSpecs>(spec: CommandSpec<O>): CommandSpec<O> {
  return spec;
}

/** Reads each option of a command from what the parser found. */
export function readOptions<O extends OptionSpecs>(
  specs: O,
  rawOf: (spec: OptionSpec) => RawOption,
): Values<O> {
  const values = Object.entries(specs).map(([name, spec]) => [name, spec.read(rawOf(spec))]);
  return Object.fromEntries(values) as Values<O>;
}

/** An option that is there or not. */
export function flag(flags: string, description: string): OptionSpec<boolean> {
  return { flags, description, repeats: false, complete: "none", read: (raw) => raw === true };
}

/** A `--no-x` option; true when it was given. */
export function negation(flags: string, description: string): OptionSpec<boolean> {
  return { flags, description, repeats: false, complete: "none", read: (raw) => raw === false };
}

export function text(
  flags: string,
  description: string,
  complete: Completion = "none",
): OptionSpec<string | undefined> {
  return { flags, description, repeats: false, complete, read: textOf };
}

/** One of a few words; the first is the default. */
export function choice<const C extends string>(
  flags: string,
  description: string,
  choices: readonly [C, ...C[]],
): OptionSpec<C> {
  const read = (raw: RawOption): C => {
    if (raw === undefined) return choices[0];
    const found = choices.find((each) => each === raw);
    if (found !== undefined) return found;
    throw wrongValue(flags, raw, `one of ${choices.join(", ")}`);
  };
  return { flags, description, repeats: false, complete: choices, read };
}

/** May be given several times. */
export function list(flags: string, description: string): OptionSpec<readonly string[]> {
  const read = (raw: RawOption): readonly string[] => (Array.isArray(raw) ? raw : []);
  return { flags, description, repeats: true, complete: "none", read };
}

/** A length of time, in milliseconds once read. */
export function duration(flags: string, description: string): OptionSpec<number | undefined> {
  const read = (raw: RawOption): number | undefined => {
    const written = textOf(raw);
    if (written === undefined) return undefined;
    const ms = parseDurationMs(written);
    if (ms === undefined) throw wrongValue(flags, written, 'a time such as "10s" or "1m30s"');
    return ms;
  };
  return { flags, description, repeats: false, complete: "none", read };
}

/** A whole number from 0; with `all`, that word stands for "no limit" and reads as undefined. */
export function count(flags: string, description: string): OptionSpec<number | undefined> {
  const read = (raw: RawOption): number | undefined => {
    const written = textOf(raw);
    if (written === undefined || written === "all") return undefined;
    const number = parseCount(written);
    if (number === undefined) throw wrongValue(flags, written, 'a whole number, or "all"');
    return number;
  };
  return { flags, description, repeats: false, complete: "none", read };
}

function textOf(raw: RawOption): string | undefined {
  return typeof raw === "string" ? raw : undefined;
}

function wrongValue(flags: string, found: RawOption, expected: string): LashError {
  const long = /--[a-z-]+/.exec(flags)?.[0] ?? flags;
  return new LashError("usage", `Cannot read ${long}: expected ${expected}, found "${String(found)}"`);
}
