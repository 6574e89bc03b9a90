import { parseArgs } from "node:util";

export const suiteNames = ["kill", "signals", "graphs", "memory-graphs", "outages", "requests"] as const;
export type SuiteName = (typeof suiteNames)[number];

export interface FaultOptions {
  readonly help: boolean;
  readonly suites: readonly SuiteName[];
  readonly seed: number;
  /** Undefined: as many as the suite is meant to have. */
  readonly runs: number | undefined;
}

export const usage = `Usage: npm run fault -- [suite...] [--seed S] [--runs N]

Suites: ${suiteNames.join(", ")}; without a name all of them.
A run that fails prints the command that repeats it.`;

/** Reads the command line; throws on what it does not know. */
export function readOptions(argv: readonly string[]): FaultOptions {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      seed: { type: "string" },
      runs: { type: "string" },
    },
  });
  const suites = positionals.map((name) => {
    const known = suiteNames.find((each) => each === name);
    if (known === undefined) throw new Error(`Unknown suite "${name}"; there are ${suiteNames.join(", ")}`);
    return known;
  });
  return {
    help: values.help === true,
    suites: suites.length > 0 ? suites : suiteNames,
    seed: values.seed === undefined ? Date.now() % 2 ** 31 : wholeNumber("seed", values.seed),
    runs: values.runs === undefined ? undefined : wholeNumber("runs", values.runs),
  };
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name} takes a whole number, not "${text}"`);
  return value;
}
