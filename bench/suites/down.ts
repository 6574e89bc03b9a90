import { composeContestant } from "../contestants/compose.ts";
import type { Contestant, Trial } from "../contestants/contestant.ts";
import { floorContestant } from "../contestants/floor.ts";
import { lashContestant } from "../contestants/lash.ts";
import { chain4, flat12, typical8 } from "../graphs/catalogue.ts";
import type { Graph } from "../graphs/graph.ts";
import type { ObservedEvent } from "../lib/observer.ts";
import { shuffled } from "../lib/random.ts";
import { type Sample, toRows } from "../lib/rounds.ts";
import type { SuiteResult } from "../report/row.ts";
import type { SuiteContext } from "./suite.ts";
import { nodeOf, withTrial } from "./trial.ts";

const suite = "down";

/** Time from the start of `down` until the last container and the network are gone. */
export async function down(context: SuiteContext): Promise<SuiteResult> {
  const graphs = [flat12, chain4, typical8(1000)];
  const contestants = [
    floorContestant({ observer: context.observer, readiness: "port" }),
    lashContestant(context.bed),
    composeContestant(context.bed),
  ];
  const samples: Sample[] = [];
  for (let round = 1; round <= context.runs; round += 1) {
    for (const graph of shuffled(graphs, context.random)) {
      for (const contestant of shuffled(contestants, context.random)) {
        const { gone, exit } = await measure(context, graph, contestant);
        context.say(`down ${round}/${context.runs} ${graph.name}: ${contestant.name} ${gone.toFixed(0)} ms`);
        const { name: subject } = graph;
        samples.push({ round, subject, contestant: contestant.name, metric: "gone", value: gone });
        samples.push({ round, subject, contestant: contestant.name, metric: "exit", value: exit });
      }
    }
  }
  const rows = toRows(samples, { suite, unit: "ms", against: ["floor", "lash"] });
  const sorted = graphs.flatMap((graph) =>
    ["gone", "exit"].flatMap((metric) =>
      contestants.flatMap(({ name }) =>
        rows.filter((row) => row.subject === graph.name && row.metric === metric && row.contestant === name),
      ),
    ),
  );
  return { rows: sorted, notes: [] };
}

async function measure(
  context: SuiteContext,
  graph: Graph,
  contestant: Contestant,
): Promise<{ readonly gone: number; readonly exit: number }> {
  const { observer } = context;
  return withTrial(context, { graph, contestant }, async (trial) => {
    await contestant.up(trial);
    observer.reset();
    const { startedAt, exitedAt } = await contestant.down(trial);
    const wanted = graph.nodes.length + 1;
    await observer.untilAll((events) => removals(events, trial).length >= wanted, { timeoutMs: 30_000 });
    const gone = Math.max(...removals(observer.events, trial).map(({ at }) => at));
    return { gone: gone - startedAt, exit: exitedAt - startedAt };
  });
}

/** The ends of the project's containers and of its network. */
function removals(events: readonly ObservedEvent[], trial: Trial): readonly ObservedEvent[] {
  return events.filter(
    ({ type, action, name }) =>
      action === "destroy" &&
      (type === "network" ? name.includes(trial.project) : nodeOf(trial, name) !== undefined),
  );
}
