import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { composeContestant } from "../contestants/compose.ts";
import type { Contestant, Trial } from "../contestants/contestant.ts";
import { type LashEvent, lashContestant } from "../contestants/lash.ts";
import { type LagKind, lagGraph, lagKinds, renderLagManifest } from "../graphs/lag.ts";
import type { Random } from "../lib/random.ts";
import { shuffled } from "../lib/random.ts";
import { type Sample, toRows } from "../lib/rounds.ts";
import { openedAt } from "../lib/sweep.ts";
import type { Row, SuiteResult } from "../report/row.ts";
import type { SuiteContext } from "./suite.ts";
import { nodeOf, withTrial } from "./trial.ts";

const suite = "ready-lag";
const targetMs = 150;
/** Shortest and longest time until the workload opens its port. */
const delays = { leastMs: 300, mostMs: 3000 } as const;

/** Time from the moment a port really opens until the tool knows, and until the dependent runs. */
export async function readyLag(context: SuiteContext): Promise<SuiteResult> {
  const { bed, random } = context;
  const lash = lashContestant(bed);
  const compose = composeContestant(bed);
  const samples: Sample[] = [];
  for (let round = 1; round <= context.runs; round += 1) {
    for (const kind of shuffled(lagKinds, random)) {
      const delay = randomDelay(random);
      const contestant: Contestant = {
        ...lash,
        prepare: ({ graph, project, folder }) =>
          writeFile(join(folder, "lash.yml"), renderLagManifest(graph, project, kind)),
      };
      await measure(context, { contestant, subject: kind, delay, round, samples, eventsOf: lash.eventsOf });
      context.say(`ready-lag ${round}/${context.runs} ${kind}: ${samples.at(-1)?.value.toFixed(0)} ms`);
    }
    const delay = randomDelay(random);
    await measure(context, {
      contestant: compose,
      subject: "healthcheck",
      delay,
      round,
      samples,
      eventsOf: () => [],
    });
    context.say(`ready-lag ${round}/${context.runs} compose: ${samples.at(-1)?.value.toFixed(0)} ms`);
  }
  const rows = toRows(samples, { suite, unit: "ms", against: [] }).map(withTarget);
  const order: readonly string[] = lagKinds;
  return { rows: rows.toSorted((a, b) => order.indexOf(a.subject) - order.indexOf(b.subject)), notes: [] };
}

function randomDelay(random: Random): number {
  return Math.round(delays.leastMs + random() * (delays.mostMs - delays.leastMs));
}

interface Run {
  readonly contestant: Contestant;
  readonly subject: LagKind;
  readonly delay: number;
  readonly round: number;
  readonly samples: Sample[];
  readonly eventsOf: (project: string) => readonly LashEvent[];
}

async function measure(context: SuiteContext, run: Run): Promise<void> {
  const { observer, bed } = context;
  const { contestant, subject, round } = run;
  const graph = lagGraph(run.delay / 1000);
  await withTrial(context, { graph, contestant }, async (trial) => {
    await contestant.up(trial);
    const dependent = await observer.until(
      ({ action, name }) => action === "start" && nodeOf(trial, name) === "dependent",
    );
    const service = observer.events.find(({ name }) => nodeOf(trial, name) === "service")?.name ?? "";
    const opened = await openedAt(bed.client, service);
    const add = (metric: string, value: number): void => {
      run.samples.push({ round, subject, contestant: contestant.name, metric, value });
    };
    add("dependent runs", dependent.at - opened);
    const known = readyTime(trial, run.eventsOf(trial.project));
    if (known !== undefined) add("known", known - opened);
  });
}

function readyTime(_trial: Trial, events: readonly LashEvent[]): number | undefined {
  const ready = events.find(({ type, name }) => type === "resource_ready" && name === "service");
  return ready?.at === undefined ? undefined : Date.parse(ready.at);
}

function withTarget(row: Row): Row {
  if (row.metric !== "known") return row;
  return { ...row, target: { text: `at most ${targetMs} ms`, met: row.value.median <= targetMs } };
}
