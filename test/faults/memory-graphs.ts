import fc from "fast-check";
import type { Graph } from "./graph.ts";
import { graphs } from "./graph.ts";
import {
  breakages,
  checkCancel,
  checkConverge,
  checkFailure,
  checkRefusal,
  checkUpDown,
  disturbances,
  refusable,
} from "./memory-checks.ts";
import type { OpenSuite, Suite } from "./suite.ts";

/** Longest moment, in ms of virtual time, at which something is done to a start. */
export const longestMomentMs = 1500;

type Check = (graph: Graph, at: number, moment: number) => Promise<unknown>;

const checks: readonly Check[] = [
  (graph) => checkUpDown(graph),
  (graph, at, moment) => checkFailure(graph, at, breakages[moment % breakages.length] ?? "start-refused"),
  (graph, at) => checkCancel(graph, at % longestMomentMs),
  (graph, at, moment) =>
    checkRefusal(graph, refusable[at % refusable.length] ?? "create", moment % longestMomentMs),
  (graph, at, moment) => {
    const disturbance = disturbances[at % disturbances.length] ?? "nothing";
    const every = 1 + (at % 4);
    const changed = (name: string): boolean => Number(name.slice(1)) % every === 0;
    return checkConverge(graph, changed, { disturbance, at: moment, afterMs: moment % longestMomentMs });
  },
];

/** The checks of test/unit/stack/graphs.test.ts, with many more graphs. One run is one graph through all of them. */
export const memoryGraphs: Suite = {
  runs: 200,
  timeoutMs: 120_000,
  async open(): Promise<OpenSuite> {
    return {
      async run({ seed }) {
        const did: unknown[] = [];
        for (const check of checks) {
          const once = fc.asyncProperty(
            graphs(),
            fc.nat(1_000_000),
            fc.nat(1_000_000),
            async (graph, at, moment) => {
              did.push(`${graph.length}`, await check(graph, at, moment));
            },
          );
          await fc.assert(once, { seed, numRuns: 1 });
        }
        return did.map((each) => (typeof each === "string" ? each : JSON.stringify(each))).join(", ");
      },
      [Symbol.asyncDispose]: async () => {},
    };
  },
};
