import { Argument, Command, CommanderError, Help, Option } from "commander";
import { LashError } from "../model/errors.ts";
import { type CommandSpec, type OptionSpec, type RawOption, readOptions } from "./command.ts";
import { type Globals, globalOptions } from "./commands/shared.ts";
import type { CommandEntry, RawInput } from "./table.ts";

/** What a command line asks for. */
export type Parsed =
  | {
      readonly type: "command";
      readonly entry: CommandEntry;
      readonly raw: RawInput;
      readonly globals: Globals;
    }
  /** Help or the version. */
  | { readonly type: "text"; readonly text: string };

export interface ParseOptions {
  readonly version: string;
  /** Width to wrap help at. */
  readonly columns: number;
  /** What the first word of each command group stands for. */
  readonly groups: Readonly<Record<string, string>>;
}

interface BuildOptions extends ParseOptions {
  readonly argv: readonly string[];
}

/** Widest help: longer lines are hard to read. */
const maxHelpColumns = 100;

/** Reads a command line, without the program's name. Throws `usage` with the nearest word as hint. */
export function parseCommandLine(
  argv: readonly string[],
  table: readonly CommandEntry[],
  options: ParseOptions,
): Parsed {
  let parsed: Parsed | undefined;
  let written = "";
  const program = buildProgram(table, { ...options, argv }, (found) => {
    parsed = found;
  });
  walk(program, (command) => {
    command.exitOverride().configureHelp(helpStyle(command === program));
    command.configureOutput({
      writeOut: (text) => {
        written += text;
      },
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(options.columns, maxHelpColumns),
      getErrHelpWidth: () => Math.min(options.columns, maxHelpColumns),
    });
  });
  try {
    program.parse(argv, { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return { type: "text", text: written };
    throw usageError(thrown, argv);
  }
  if (parsed === undefined) throw new Error("unreachable: a command line that is neither command nor help");
  return parsed;
}

/**
 * Commands by their names alone, and the global options only in the program's own help. They are left out while help
 * is written and no earlier: a hidden option would never be suggested as the nearest.
 */
function helpStyle(isProgram: boolean): Partial<Help> {
  const globalNames = new Set(Object.values(globalOptions).map((spec) => new Option(spec.flags).long));
  return {
    subcommandTerm: (command) => command.name(),
    formatHelp(command, helper) {
      if (!isProgram) {
        const all = helper.visibleOptions(command);
        helper.visibleOptions = () => all.filter((each) => !globalNames.has(each.long));
      }
      return Help.prototype.formatHelp.call(helper, command, helper);
    },
  };
}

function buildProgram(
  table: readonly CommandEntry[],
  options: BuildOptions,
  onCommand: (parsed: Parsed) => void,
): Command {
  const program = new Command("lash");
  program
    .description("Brings a declared stack of containers up in dependency order.")
    .version(options.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help on a command")
    .enablePositionalOptions()
    .usage("[options] <command> [arguments]");
  for (const spec of Object.values(globalOptions)) program.addOption(commanderOption(spec));
  const groups = new Map<string, Command>();
  for (const entry of table) addEntry(program, entry, { groups, options, onCommand });
  return program;
}

interface Building {
  readonly groups: Map<string, Command>;
  readonly options: BuildOptions;
  readonly onCommand: (parsed: Parsed) => void;
}

function addEntry(program: Command, entry: CommandEntry, { groups, options, onCommand }: Building): void {
  const { spec } = entry;
  const words = spec.name.split(" ");
  const [first = "", second] = words;
  let parent = program;
  if (second !== undefined) {
    const known = groups.get(first);
    parent =
      known ??
      program
        .command(first)
        .summary(options.groups[first] ?? "")
        .description(sentence(options.groups[first] ?? ""))
        .helpCommand(false);
    groups.set(first, parent);
  }
  const command = parent
    .command(second ?? first, { hidden: spec.hidden === true })
    .description(describe(spec));
  command.summary(spec.summary).helpOption("-h, --help", "print help");
  // Only a command that the line names can be reached, so no other needs its options: that saves a third of the time.
  if (!words.every((word) => options.argv.includes(word))) return;
  for (const each of spec.arguments) {
    const name = each.variadic ? `${each.name}...` : each.name;
    command.addArgument(new Argument(each.required ? `<${name}>` : `[${name}]`, each.description));
  }
  for (const each of Object.values(spec.options)) command.addOption(commanderOption(each));
  const taken = new Set(command.options.flatMap((each) => [each.short, each.long]));
  for (const each of Object.values(globalOptions)) {
    command.addOption(commanderOption(withoutTaken(each, taken)));
  }
  if (spec.passThrough === true) command.passThroughOptions();
  command.addHelpText("after", () => helpTail(spec));
  command.action(() => {
    const globals = readOptions(globalOptions, (each) => globalValue(program, command, each));
    const raw: RawInput = { arguments: command.args, rawOf: (each) => rawValue(command, each) };
    onCommand({ type: "command", entry, raw, globals });
  });
}

/** `-f` is the manifest everywhere but where a command gave it another meaning. */
function withoutTaken(spec: OptionSpec, taken: ReadonlySet<string | undefined>): OptionSpec {
  const [short, long] = spec.flags.split(", ");
  return long !== undefined && taken.has(short) ? { ...spec, flags: long } : spec;
}

function commanderOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.description);
  if (spec.repeats) {
    option.argParser((value: string, previous: readonly string[] | undefined) => [
      ...(previous ?? []),
      value,
    ]);
  }
  return option;
}

function rawValue(command: Command, spec: OptionSpec): RawOption {
  return command.opts()[new Option(spec.flags).attributeName()] as RawOption;
}

function globalValue(program: Command, command: Command, spec: OptionSpec): RawOption {
  const name = new Option(spec.flags).attributeName();
  const before = program.opts()[name] as RawOption;
  const after = command.opts()[name] as RawOption;
  if (spec.repeats) return [...asList(before), ...asList(after)];
  return command.getOptionValueSource(name) === "cli" ? after : before;
}

function asList(raw: RawOption): readonly string[] {
  return Array.isArray(raw) ? raw : [];
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function describe(spec: CommandSpec): string {
  const first = sentence(spec.summary);
  return spec.details === undefined ? first : `${first}\n\n${spec.details}`;
}

function helpTail(spec: CommandSpec): string {
  const width = Math.max(0, ...spec.examples.map((each) => each.run.length));
  const examples = spec.examples.map((each) =>
    width > 44 ? `  ${each.run}\n      ${each.does}` : `  ${each.run.padEnd(width)}  ${each.does}`,
  );
  const json: Record<CommandSpec["json"], string> = {
    document: "With --json: one document.",
    lines: "With --json: one object a line.",
    none: "",
  };
  const parts = [
    examples.length === 0 ? "" : `Examples:\n${examples.join("\n")}`,
    ["Global options: see lash --help.", json[spec.json]].join(" ").trim(),
  ];
  return `\n${parts.filter((each) => each !== "").join("\n\n")}`;
}

function walk(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) walk(child, visit);
}

/** Commander's texts end here: they become a message of ours and the nearest word as hint. */
function usageError(error: CommanderError, argv: readonly string[]): LashError {
  if (error.code === "commander.help") {
    return new LashError("usage", "Cannot tell what to do: no command given", { hint: "See: lash --help" });
  }
  const [firstLine = "", ...rest] = error.message
    .replace(/^error: /, "")
    .replaceAll("'", '"')
    .replace(". Expected", ": expected")
    .replace(/\.$/, "")
    .split("\n");
  const nearest = /\(Did you mean (?:one of )?(.*)\?\)/.exec(rest.join(" "))?.[1];
  const hint = nearest === undefined ? `See: ${helpFor(argv)}` : `Did you mean ${nearest}?`;
  return new LashError("usage", `Cannot read the command line: ${firstLine}`, {
    data: nearest === undefined ? {} : { nearest: nearest.split(", ") },
    hint,
  });
}

function helpFor(argv: readonly string[]): string {
  const word = argv.find((each) => /^[a-z]+$/.test(each));
  return word === undefined ? "lash --help" : `lash help ${word}`;
}
