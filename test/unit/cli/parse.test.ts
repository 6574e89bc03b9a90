import { expect, test } from "vitest";
import { type Input, readOptions } from "../../../src/cli/command.ts";
import { type Parsed, parseCommandLine } from "../../../src/cli/parse.ts";
import { commandGroups, commandTable } from "../../../src/cli/table.ts";

function parse(line: string): Parsed {
  const argv = line === "" ? [] : line.split(" ");
  return parseCommandLine(argv, commandTable, { version: "1.2.3", columns: 80, groups: commandGroups });
}

/** The command with its arguments and the options and globals that were given. */
function read(line: string): string {
  const parsed = parse(line);
  if (parsed.type === "text") return "text";
  const input: Input = {
    arguments: parsed.raw.arguments,
    options: readOptions(parsed.entry.spec.options, parsed.raw.rawOf),
  };
  const given = Object.entries({ ...input.options, ...parsed.globals })
    .filter(
      ([, value]) => value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0),
    )
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [parsed.entry.spec.name, JSON.stringify(input.arguments), ...given].join(" ");
}

const understood: readonly (readonly [string, string])[] = [
  ["up", "up []"],
  ["up db api", 'up ["db","api"]'],
  ["up -d --no-deps api --timeout 1m30s", 'up ["api"] detach=true noDependencies=true timeout=90000'],
  ["up --grace 0", "up [] grace=0"],
  ["up --grace 500ms", "up [] grace=500"],
  ["-f a.yml up", 'up [] file="a.yml"'],
  ["up -f a.yml", 'up [] file="a.yml"'],
  ["-f a.yml up -f b.yml", 'up [] file="b.yml"'],
  ["-f a.yml logs -f api", 'logs ["api"] follow=true file="a.yml"'],
  ["logs --file a.yml --tail 5", 'logs [] tail=5 file="a.yml"'],
  ["logs --tail all", "logs []"],
  ["--json ps", "ps [] json=true"],
  ["ps --json", "ps [] json=true"],
  ["--no-color ps", "ps [] noColor=true"],
  ["ps --no-color", "ps [] noColor=true"],
  ["--profile a up --profile b --profile c", 'up [] profiles=["a","b","c"]'],
  ["exec db ls -la --json", 'exec ["db","ls","-la","--json"]'],
  [
    "exec -T -u root -e A=1 -e B db sh -c x",
    'exec ["db","sh","-c","x"] noTty=true user="root" env=["A=1","B"]',
  ],
  ["--json exec db ls", 'exec ["db","ls"] json=true'],
  ["run api npm test --watch", 'run ["api","npm","test","--watch"]'],
  ["run api", 'run ["api"]'],
  ["port web 53/udp", 'port ["web","53/udp"]'],
  ["graph", 'graph [] format="text"'],
  ["graph --format=dot", 'graph [] format="dot"'],
  ["secrets check", "secrets check []"],
  ["__complete resources", '__complete ["resources"]'],
  ["--help", "text"],
  ["up --help", "text"],
  ["help up", "text"],
  ["secrets --help", "text"],
  ["--version", "text"],
];

test.each(understood)("lash %s", (line, expected) => {
  expect(read(line)).toBe(expected);
});

const refused: readonly (readonly [string, string, string | undefined])[] = [
  ["", "Cannot tell what to do: no command given", "See: lash --help"],
  ["pss", 'Cannot read the command line: unknown command "pss"', "Did you mean ps?"],
  ["ps --jsn", 'Cannot read the command line: unknown option "--jsn"', "Did you mean --json?"],
  ["--flie x ps", 'Cannot read the command line: unknown option "--flie"', "Did you mean --file?"],
  ["up --detatch", 'Cannot read the command line: unknown option "--detatch"', "Did you mean --detach?"],
  ["secrets chek", 'Cannot read the command line: unknown command "chek"', "Did you mean check?"],
  ["port", 'Cannot read the command line: missing required argument "resource"', "See: lash help port"],
  [
    "down now",
    'Cannot read the command line: too many arguments for "down": expected 0 arguments but got 1: now',
    "See: lash help down",
  ],
  [
    "up --timeout soon",
    'Cannot read --timeout: expected a time such as "10s" or "1m30s", found "soon"',
    undefined,
  ],
  ["logs --tail -1", 'Cannot read --tail: expected a whole number, or "all", found "-1"', undefined],
  ["graph --format svg", 'Cannot read --format: expected one of text, mermaid, dot, found "svg"', undefined],
];

test.each(refused)("lash %s is refused", (line, message, hint) => {
  expect(() => read(line)).toThrow(expect.objectContaining({ code: "usage", message, hint }) as Error);
});

test("help stays within the terminal's width, for every command", () => {
  for (const columns of [60, 80, 200]) {
    for (const { spec } of commandTable) {
      const argv = [...spec.name.split(" "), "--help"];
      const parsed = parseCommandLine(argv, commandTable, {
        version: "1.2.3",
        columns,
        groups: commandGroups,
      });
      const text = parsed.type === "text" ? parsed.text : "";
      expect(text).toContain("Usage: lash");
      const shown = text
        .split("\n")
        .filter((line) => !line.startsWith("  lash ") && !line.startsWith("      "));
      expect(shown.filter((line) => line.length > Math.max(columns, 80))).toEqual([]);
    }
  }
});

test("every command people type has an example", () => {
  const without = commandTable.filter(({ spec }) => spec.hidden !== true && spec.examples.length === 0);
  expect(without).toEqual([]);
});
