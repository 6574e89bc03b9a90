import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { typical8 } from "../graphs/catalogue.ts";
import { renderCompose, renderLash } from "../graphs/render.ts";
import { shuffled } from "../lib/random.ts";
import { type Sample, toRows } from "../lib/rounds.ts";
import { runTimed } from "../lib/timed-command.ts";
import type { Row, SuiteResult } from "../report/row.ts";
import type { SuiteContext } from "./suite.ts";

const suite = "cli";

/** A cold start takes little, and its spread is wide. */
const fewestRuns = 21;

/** How many times `node -e 0` a command may take. */
const targets: Readonly<Record<string, number>> = { "lash --version": 1.6, "lash ps": 3 };

/** Time from the start of a command until its process has ended. */
export async function cli(context: SuiteContext): Promise<SuiteResult> {
  const { bed, random } = context;
  const folder = join(bed.folder, "cli");
  await mkdir(folder);
  await writeFile(join(folder, "lash.yml"), renderLash(typical8(1000), "cli"));
  await writeFile(join(folder, "compose.yaml"), renderCompose(typical8(1000), "cli"));
  const env = bed.envFor(bed.engine.socket);
  const commands = [
    { name: "node -e 0", argv: [process.execPath, "-e", "0"] },
    { name: "lash --version", argv: [...bed.lash, "--version"] },
    { name: "lash --help", argv: [...bed.lash, "--help"] },
    { name: "lash validate", argv: [...bed.lash, "validate"] },
    { name: "lash ps", argv: [...bed.lash, "ps"] },
    { name: "docker compose version", argv: [...bed.compose, "version"] },
    { name: "docker compose config -q", argv: [...bed.compose, "config", "-q"] },
    { name: "docker compose ps", argv: [...bed.compose, "ps"] },
  ];
  const usable: typeof commands = [];
  const notes: string[] = [];
  const run = async (argv: readonly string[]): Promise<number> =>
    (await runTimed({ argv, env, cwd: folder, timeoutMs: 20_000 })).tookMs;
  // Twice before it counts: the second run writes what the compile cache keeps for all later ones.
  for (const command of commands) {
    try {
      await run(command.argv);
      await run(command.argv);
      usable.push(command);
    } catch (error) {
      notes.push(`${command.name}: not measured, it fails: ${firstLines(error)}`);
    }
  }
  const runs = Math.max(fewestRuns, context.runs);
  context.say(`cli: ${usable.length} commands, ${runs} runs each`);
  const samples: Sample[] = [];
  for (let round = 1; round <= runs; round += 1) {
    for (const { name, argv } of shuffled(usable, random)) {
      samples.push({
        round,
        subject: "cold start",
        contestant: name,
        metric: "exit",
        value: await run(argv),
      });
    }
  }
  const rows = toRows(samples, { suite, unit: "ms", against: ["node -e 0"] }).map(withTarget);
  return { rows: usable.flatMap(({ name }) => rows.filter(({ contestant }) => contestant === name)), notes };
}

function withTarget(row: Row): Row {
  const limit = targets[row.contestant];
  const ratio = row.ratios["node -e 0"];
  if (limit === undefined || ratio === undefined) return row;
  return { ...row, target: { text: `below ${limit} x`, met: ratio < limit } };
}

function firstLines(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n").slice(0, 3).join(" ");
}
