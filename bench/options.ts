import { parseArgs } from "node:util";

export const suiteNames = ["start", "ready-lag", "cli", "plan", "down", "recovery", "runner"] as const;
export type SuiteName = (typeof suiteNames)[number];

export interface Options {
  readonly help: boolean;
  readonly suites: readonly SuiteName[];
  readonly runs: number;
  readonly seed: number;
  /** File to write everything to, as JSON. */
  readonly json: string | undefined;
  /** Whether to put the results into docs/performance.md. */
  readonly write: boolean;
}

export const usage = `Usage: bench/run.sh [suite...] [--runs N] [--seed S] [--json FILE] [--write]

Suites: ${suiteNames.join(", ")}; all of them when none is named.
  --runs N     runs of each contestant (5; publish with 20)
  --seed S     seed of the random order and delays (1)
  --json FILE  write everything there, too
  --write      put the results into docs/performance.md`;

/** Throws TypeError for what it does not know. */
export function readOptions(argv: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h", default: false },
      runs: { type: "string", default: "5" },
      seed: { type: "string", default: "1" },
      json: { type: "string" },
      write: { type: "boolean", default: false },
    },
  });
  const suites = positionals.map((word) => {
    const name = suiteNames.find((each) => each === word);
    if (name === undefined)
      throw new TypeError(`Cannot find suite "${word}": there are ${suiteNames.join(", ")}`);
    return name;
  });
  return {
    help: values.help,
    suites: suites.length === 0 ? suiteNames : suites,
    runs: positive("--runs", values.runs),
    seed: positive("--seed", values.seed),
    json: values.json,
    write: values.write,
  };
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new TypeError(`Cannot read ${flag}: expected a whole number above 0, found "${text}"`);
}
