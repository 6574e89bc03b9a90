import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type LashContestant, type LashEvent, lashContestant } from "../contestants/lash.ts";
import { renderThree, troublePorts } from "../graphs/troubles.ts";
import { holdByProcess } from "../lib/port-holders.ts";
import { shuffled } from "../lib/random.ts";
import { type Sample, toRows } from "../lib/rounds.ts";
import type { Row, SuiteResult } from "../report/row.ts";
import type { SuiteContext } from "./suite.ts";
import { withTrial } from "./trial.ts";

const suite = "recovery";
const targetRatio = 1.3;
const sum = "plain + failed";

/** One way in which the stack of three is brought up. */
interface Way {
  readonly name: "plain up" | "failed up" | "recovered up";
  readonly metric: "ready" | "reported";
  readonly bundles: Parameters<typeof renderThree>[1];
  readonly held: boolean;
  /** The event that ends what is measured. */
  readonly until: string;
  /** How its recovery has to end, if there is one. */
  readonly outcome: "recovered" | "gave-up" | undefined;
}

const ways: readonly Way[] = [
  {
    name: "plain up",
    metric: "ready",
    bundles: ["default", "alternate"],
    held: false,
    until: "stack_started",
    outcome: undefined,
  },
  {
    name: "failed up",
    metric: "reported",
    bundles: ["default"],
    held: true,
    until: "recovery_ended",
    outcome: "gave-up",
  },
  {
    name: "recovered up",
    metric: "ready",
    bundles: ["default", "alternate"],
    held: true,
    until: "stack_started",
    outcome: "recovered",
  },
];

/** Which port of the first bundle somebody has: it is met at once, or after everything else is up. */
const places = [
  { subject: "port of the first of three", port: troublePorts.default.db },
  { subject: "port of the last of three", port: troublePorts.default.web },
] as const;

/** Time of an `up` that moves to its second port bundle, against a plain one plus one that fails. */
export async function recoveredPortConflict(context: SuiteContext): Promise<SuiteResult> {
  const samples: Sample[] = [];
  const ratios: Sample[] = [];
  for (let round = 1; round <= context.runs; round += 1) {
    for (const { subject, port } of shuffled(places, context.random)) {
      const took = new Map<Way["name"], number>();
      for (const way of shuffled(ways, context.random)) {
        const value = await measure(context, way, port);
        took.set(way.name, value);
        context.say(`recovery ${round}/${context.runs} ${subject}: ${way.name} ${value.toFixed(0)} ms`);
        samples.push({ round, subject, contestant: way.name, metric: way.metric, value });
      }
      const both = (took.get("plain up") ?? Number.NaN) + (took.get("failed up") ?? Number.NaN);
      const value = (took.get("recovered up") ?? Number.NaN) / both;
      ratios.push({ round, subject, contestant: "recovered up", metric: `ready / (${sum})`, value });
    }
  }
  const rows = [
    ...toRows(samples, { suite, unit: "ms", against: [] }),
    ...toRows(ratios, { suite, unit: "x", against: [] }).map(withTarget),
  ];
  return { rows: inOrder(rows), notes: [] };
}

function inOrder(rows: readonly Row[]): readonly Row[] {
  return places.flatMap(({ subject }) =>
    ways.flatMap(({ name }) => rows.filter((row) => row.subject === subject && row.contestant === name)),
  );
}

async function measure(context: SuiteContext, way: Way, port: number): Promise<number> {
  const { bed } = context;
  const contestant: LashContestant = {
    ...lashContestant(bed, { exitCode: way.outcome === "gave-up" ? 1 : 0 }),
    prepare: ({ project, folder }) => writeFile(join(folder, "lash.yml"), renderThree(project, way.bundles)),
  };
  await using _held = way.held ? await holdByProcess(port) : undefined;
  return await withTrial(context, { graph: { name: way.name, nodes: [] }, contestant }, async (trial) => {
    const { startedAt } = await contestant.up(trial);
    const events = contestant.eventsOf(trial.project);
    checkOutcome(way, events);
    const at = events.find(({ type }) => type === way.until)?.at ?? "";
    return Date.parse(at) - startedAt;
  });
}

/** A run that ended otherwise says nothing. */
function checkOutcome({ name, outcome, until }: Way, events: readonly LashEvent[]): void {
  const reports = events.flatMap(({ report }) => (report === undefined ? [] : [report]));
  const moved = reports.some(({ repair }) => repair?.name === "use-port-bundle");
  const isRight =
    reports.length === (outcome === undefined ? 0 : 1) &&
    reports[0]?.outcome === outcome &&
    moved === (outcome === "recovered") &&
    events.some(({ type }) => type === until);
  if (!isRight) throw new Error(`Cannot count this run: ${name} ended with ${JSON.stringify(reports)}`);
}

function withTarget(row: Row): Row {
  return { ...row, target: { text: `at most ${targetRatio} x`, met: row.value.median <= targetRatio } };
}
