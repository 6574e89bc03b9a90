import type { CommandSpec, Completion, OptionSpec } from "../command.ts";
import { globalOptions } from "../commands/shared.ts";

/** One flag as completion scripts need it. */
export interface Flag {
  readonly short: string | undefined;
  readonly long: string;
  readonly description: string;
  /** Undefined when it takes no value. */
  readonly value: Completion | undefined;
  readonly repeats: boolean;
}

/** One command as completion scripts need it. */
export interface Completable {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** What its arguments are, by position; the last goes on when `variadic`. */
  readonly arguments: readonly Completion[];
  readonly variadic: boolean;
  readonly passThrough: boolean;
}

export const globalFlags: readonly Flag[] = [
  ...Object.values(globalOptions).map((spec) => flagOf(spec, new Set())),
  { short: "-h", long: "--help", description: "print help", value: undefined, repeats: false },
];

/** The commands people type, with the global flags each of them also takes. */
export function completables(commands: readonly CommandSpec[]): readonly Completable[] {
  return commands.filter((spec) => spec.hidden !== true).map(completable);
}

function completable(spec: CommandSpec): Completable {
  const own = Object.values(spec.options).map((each) => flagOf(each, new Set()));
  const taken = new Set(own.flatMap((each) => (each.short === undefined ? [] : [each.short])));
  const shared = Object.values(globalOptions).map((each) => flagOf(each, taken));
  const help: Flag = {
    short: "-h",
    long: "--help",
    description: "print help",
    value: undefined,
    repeats: false,
  };
  return {
    name: spec.name,
    summary: spec.summary,
    flags: [...own, ...shared, help],
    arguments: spec.arguments.map((each) => each.complete),
    variadic: spec.arguments.at(-1)?.variadic === true,
    passThrough: spec.passThrough === true,
  };
}

function flagOf(spec: OptionSpec, taken: ReadonlySet<string>): Flag {
  const [, short, long = "", value] = /^(?:(-\w), )?(--[a-z-]+)(?: (<.+>))?$/.exec(spec.flags) ?? [];
  return {
    short: short !== undefined && taken.has(short) ? undefined : short,
    long,
    description: spec.description,
    value: value === undefined ? undefined : spec.complete,
    repeats: spec.repeats,
  };
}
