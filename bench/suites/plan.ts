import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderLarge } from "../graphs/large.ts";
import { root } from "../lib/bench-bed.ts";
import { type Sample, toRows } from "../lib/rounds.ts";
import { growthExponent, summarize } from "../lib/stats.ts";
import { runTimed } from "../lib/timed-command.ts";
import type { Row, SuiteResult } from "../report/row.ts";
import type { PlanTimes } from "./plan-worker.ts";
import type { SuiteContext } from "./suite.ts";

const suite = "plan";
const sizes = [10, 100, 1000, 10_000] as const;
const parts = ["load", "resolve", "plan", "render"] as const;
/** The growth is taken from here on: below, fixed costs hide it. */
const growthFrom = 100;
const growthLimit = 1.2;
const ratioLimit = 3;
/** The smaller ones take so little that one garbage collection shows. */
const repeatsBelow = 10_000;
const repeats = 5;

/** Time to read, check, resolve and plan a manifest without an engine, against the YAML parser alone. */
export async function plan(context: SuiteContext): Promise<SuiteResult> {
  const samples: Sample[] = [];
  for (const size of sizes) {
    context.say(`plan: ${size} resources`);
    const measured = await inProcess(context, size);
    for (const [index, times] of measured.entries()) {
      const add = (contestant: string, metric: string, value: number): void => {
        samples.push({ round: index, subject: `${size} resources`, contestant, metric, value });
      };
      add("yaml alone", "all", times.yaml);
      add("lash", "all", times.load + times.resolve + times.plan + times.render);
      for (const part of parts) add("lash", part, times[part]);
    }
  }
  const rows = toRows(samples, { suite, unit: "ms", against: ["yaml alone"] }).map(withTarget);
  const metrics = ["all", ...parts];
  return {
    rows: [
      ...rows.toSorted(
        (a, b) => sizeOf(a) - sizeOf(b) || metrics.indexOf(a.metric) - metrics.indexOf(b.metric),
      ),
      ...metrics.map((metric) => growth(rows, "lash", metric)),
      growth(rows, "yaml alone", "all"),
    ],
    notes: [],
  };
}

async function inProcess({ bed, runs }: SuiteContext, size: number): Promise<readonly PlanTimes[]> {
  const file = join(bed.folder, `plan-${size}.yml`);
  await writeFile(file, renderLarge(size));
  const { stdout } = await runTimed({
    argv: [
      process.execPath,
      join(root, "bench", "suites", "plan-worker.ts"),
      file,
      String(size < repeatsBelow ? runs * repeats : runs),
    ],
    env: { PATH: process.env.PATH },
    cwd: bed.folder,
    timeoutMs: 600_000,
  });
  return JSON.parse(stdout) as PlanTimes[];
}

function growth(rows: readonly Row[], contestant: string, metric: string): Row {
  const points = rows
    .filter((row) => row.contestant === contestant && row.metric === metric && sizeOf(row) >= growthFrom)
    .map((row) => ({ size: sizeOf(row), value: row.value.median }));
  const exponent = growthExponent(points);
  const target =
    contestant === "lash" && metric === "all"
      ? { text: `below ${growthLimit}`, met: exponent < growthLimit }
      : undefined;
  return {
    suite,
    subject: `growth from ${growthFrom}`,
    contestant,
    metric: `${metric}, exponent`,
    unit: "",
    value: summarize([exponent]),
    ratios: {},
    target,
  };
}

function sizeOf({ subject }: Row): number {
  return Number.parseInt(subject, 10);
}

function withTarget(row: Row): Row {
  const ratio = row.ratios["yaml alone"];
  if (row.metric !== "all" || ratio === undefined) return row;
  return { ...row, target: { text: `at most ${ratioLimit} x`, met: ratio <= ratioLimit } };
}
