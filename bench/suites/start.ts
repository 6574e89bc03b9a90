import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startSocketProxy } from "../../test/bed/socket-proxy.ts";
import { composeContestant } from "../contestants/compose.ts";
import type { Contestant, Span, Trial } from "../contestants/contestant.ts";
import { floorContestant } from "../contestants/floor.ts";
import { lashContestant } from "../contestants/lash.ts";
import { chain4, flat12, typical8 } from "../graphs/catalogue.ts";
import type { Graph } from "../graphs/graph.ts";
import { buildHealthImage } from "../graphs/health-image.ts";
import { renderLash } from "../graphs/render.ts";
import type { ObservedEvent, Observer } from "../lib/observer.ts";
import { shuffled } from "../lib/random.ts";
import { type Sample, toRows } from "../lib/rounds.ts";
import { openedAt } from "../lib/sweep.ts";
import { runTimed } from "../lib/timed-command.ts";
import type { SuiteResult } from "../report/row.ts";
import type { SuiteContext } from "./suite.ts";
import { nodeOf, withTrial } from "./trial.ts";

const suite = "start";

/** Time from the start of a command until the last container of a graph has started, judged from the engine's events. */
export async function start(context: SuiteContext): Promise<SuiteResult> {
  const { bed, observer } = context;
  const floor = floorContestant({ observer, readiness: "port" });
  const sameSource = floorContestant({ observer, readiness: "engine" });
  const lash = lashContestant(bed);
  const compose = composeContestant(bed);
  const plans: Plan[] = [
    { graph: flat12, contestants: [floor, lash, compose] },
    { graph: chain4, contestants: [floor, lash, compose] },
    { graph: typical8(1000), contestants: [floor, sameSource, lash, compose] },
    { graph: typical8(5000), contestants: [floor, sameSource, lash, compose] },
  ];
  await buildHealthImage(bed.client, 1000);
  const notes: string[] = [];
  const imageGraph = typical8(1000, "image");
  const refusal = await lashRefuses(context, imageGraph);
  if (refusal === undefined) plans.push({ graph: imageGraph, contestants: [sameSource, lash, compose] });
  else
    notes.push(
      `Same readiness source (the image's own healthcheck): not measured, Lash refuses it: ${refusal}`,
    );

  const samples: Sample[] = [];
  for (let round = 1; round <= context.runs; round += 1) {
    for (const { graph, contestants } of shuffled(plans, context.random)) {
      for (const contestant of shuffled(contestants, context.random)) {
        const { ready, exit } = await measure(context, graph, contestant);
        context.say(
          `start ${round}/${context.runs} ${graph.name}: ${contestant.name} ${ready.toFixed(0)} ms`,
        );
        const { name: subject } = graph;
        samples.push({ round, subject, contestant: contestant.name, metric: "ready", value: ready });
        samples.push({ round, subject, contestant: contestant.name, metric: "exit", value: exit });
      }
    }
  }
  const calls = await countCalls(context, plans);
  const against = ["floor", "floor, engine's health", "lash"];
  return {
    rows: [
      ...inOrder(plans, toRows(samples, { suite, unit: "ms", against })),
      ...inOrder(plans, toRows(calls.samples, { suite, unit: "calls", against })),
    ],
    notes: [...notes, ...calls.notes],
  };
}

interface Plan {
  readonly graph: Graph;
  readonly contestants: readonly Contestant[];
}

/** Rows in the order of the plans, not of the shuffles. */
function inOrder(plans: readonly Plan[], rows: SuiteResult["rows"]): SuiteResult["rows"] {
  return plans.flatMap(({ graph, contestants }) =>
    ["ready", "exit", "engine calls"].flatMap((metric) =>
      contestants.flatMap(({ name }) =>
        rows.filter((row) => row.subject === graph.name && row.contestant === name && row.metric === metric),
      ),
    ),
  );
}

async function measure(
  context: SuiteContext,
  graph: Graph,
  contestant: Contestant,
): Promise<{ readonly ready: number; readonly exit: number }> {
  return withTrial(context, { graph, contestant }, async (trial) => {
    const span = await contestant.up(trial);
    await untilStarted(context.observer, trial);
    await checkOrder(context, trial);
    const last = Math.max(...startsOf(context.observer.events, trial).values());
    return { ready: last - span.startedAt, exit: elapsed(span) };
  });
}

function elapsed({ startedAt, exitedAt }: Span): number {
  return exitedAt - startedAt;
}

/** A tool may be gone before the last event has arrived here. */
async function untilStarted(observer: Observer, trial: Trial): Promise<void> {
  await observer.untilAll((events) => startsOf(events, trial).size === trial.graph.nodes.length, {
    timeoutMs: 60_000,
  });
}

/** Time of the last start of each node. */
function startsOf(events: readonly ObservedEvent[], trial: Trial): ReadonlyMap<string, number> {
  return timesOf(events, trial, "start");
}

function timesOf(
  events: readonly ObservedEvent[],
  trial: Trial,
  action: string,
): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const event of events) {
    const node = event.action === action ? nodeOf(trial, event.name) : undefined;
    if (node !== undefined) times.set(node, event.at);
  }
  return times;
}

/** Throws when a container started before what it depends on was as it must be: a run like that is no result. */
async function checkOrder({ bed, observer }: SuiteContext, trial: Trial): Promise<void> {
  const starts = startsOf(observer.events, trial);
  const ends = timesOf(observer.events, trial, "die");
  for (const node of trial.graph.nodes) {
    for (const { name, condition } of node.dependsOn) {
      const container = observer.events.find((event) => nodeOf(trial, event.name) === name)?.name ?? "";
      const since =
        condition === "completed"
          ? ends.get(name)
          : condition === "ready"
            ? await openedAt(bed.client, container)
            : starts.get(name);
      const started = starts.get(node.name) ?? 0;
      // The workload tells its time a few ms after the port opens, in whole milliseconds.
      if (since === undefined || started < since - 1) {
        throw new Error(`Cannot count this run: "${node.name}" started before "${name}" was ${condition}`);
      }
    }
  }
}

/** One more run each, through a proxy that counts: it costs time, so its times do not count. */
async function countCalls(
  context: SuiteContext,
  plans: readonly Plan[],
): Promise<{ readonly samples: readonly Sample[]; readonly notes: readonly string[] }> {
  const samples: Sample[] = [];
  const notes: string[] = [];
  await using proxy = await startSocketProxy({ target: context.bed.engine.socket });
  for (const { graph, contestants } of plans) {
    for (const contestant of contestants) {
      await withTrial(context, { graph, contestant, socket: proxy.socket }, async (trial) => {
        proxy.reset();
        await contestant.up(trial);
        const { length: value } = proxy.calls;
        samples.push({
          round: 1,
          subject: graph.name,
          contestant: contestant.name,
          metric: "engine calls",
          value,
        });
        if (contestant.name === "lash")
          notes.push(`Engine calls of lash up, ${graph.name}: ${routesOf(proxy.counts())}`);
      });
    }
  }
  return { samples, notes };
}

function routesOf(counts: Readonly<Record<string, number>>): string {
  const short = new Map<string, number>();
  for (const [route, count] of Object.entries(counts)) {
    const name = route.replace(/\/(containers|exec|networks|images)\/(?!create|json)[^/]+/, "/$1/{id}");
    short.set(name, (short.get(name) ?? 0) + count);
  }
  return [...short]
    .map(([route, count]) => `${count} ${route}`)
    .sort()
    .join(", ");
}

/** What Lash says against a manifest; undefined when it takes it. */
async function lashRefuses({ bed }: SuiteContext, graph: Graph): Promise<string | undefined> {
  const file = join(bed.folder, "same-source.yml");
  await writeFile(file, renderLash(graph, "samesource"));
  try {
    await runTimed({
      argv: [...bed.lash, "-f", file, "validate"],
      env: bed.envFor(bed.engine.socket),
      cwd: bed.folder,
      timeoutMs: 10_000,
    });
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return (
      text.split("\n").find((line) => line.includes("healthcheck")) ?? text.split("\n").slice(1, 2).join("")
    );
  }
}
