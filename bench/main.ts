import { writeFile } from "node:fs/promises";
import { openBenchBed } from "./lib/bench-bed.ts";
import { openObserver } from "./lib/observer.ts";
import { createRandom } from "./lib/random.ts";
import { readOptions, type SuiteName, suiteNames, usage } from "./options.ts";
import { describeConditions } from "./report/machine.ts";
import { type Report, renderReport, writeIntoDocs } from "./report/report.ts";
import { cli } from "./suites/cli.ts";
import { down } from "./suites/down.ts";
import { plan } from "./suites/plan.ts";
import { readyLag } from "./suites/ready-lag.ts";
import { recovery } from "./suites/recovery.ts";
import { runner } from "./suites/runner.ts";
import { start } from "./suites/start.ts";
import type { Suite } from "./suites/suite.ts";

const suites: Readonly<Record<SuiteName, Suite>> = {
  start,
  "ready-lag": readyLag,
  cli,
  plan,
  down,
  recovery,
  runner,
};

const options = readOptions(process.argv.slice(2));
if (options.help) {
  console.log(usage);
} else {
  const report = await measure();
  console.log(renderReport(report));
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  if (options.write) await writeIntoDocs(report);
}

async function measure(): Promise<Report> {
  await using bed = await openBenchBed();
  await using observer = await openObserver(bed.engine.socket);
  const conditions = await describeConditions(bed);
  const random = createRandom(options.seed);
  const say = (text: string): void => console.error(text);
  const results: Report["results"][number][] = [];
  for (const name of suiteNames.filter((each) => options.suites.includes(each))) {
    const result = await suites[name]({ bed, observer, random, runs: options.runs, say });
    results.push({ suite: name, ...result });
  }
  const { runs, seed } = options;
  const words = options.suites.length === suiteNames.length ? [] : options.suites;
  const command = ["bash bench/run.sh", ...words, "--runs", runs, "--seed", seed].join(" ");
  return { command, conditions, results };
}
