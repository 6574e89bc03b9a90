import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Graph, graphs, nameOf } from "../../faults/graph.ts";
import {
  breakages,
  checkCancel,
  checkConverge,
  checkFailure,
  checkRefusal,
  checkUpDown,
  disturbances,
  refusable,
} from "../../faults/memory-checks.ts";
import { longestMomentMs } from "../../faults/memory-graphs.ts";
import { judgeOrder } from "../../faults/memory-judge.ts";
import { bounded, openMemoryWorld } from "../../faults/memory-world.ts";

// A new seed each time; fast-check prints it with the counter-example, and `LASH_TEST_SEED=N` repeats it.
const seed = Number(process.env["LASH_TEST_SEED"] ?? Date.now() % 2 ** 31);
const options = (numRuns: number): { seed: number; numRuns: number; interruptAfterTimeLimit: number } => ({
  seed,
  numRuns,
  interruptAfterTimeLimit: 60_000,
});
const moment = fc.nat(longestMomentMs);

describe("random graphs of up to 40 resources, judged from the engine's journal", { timeout: 90_000 }, () => {
  test("come up and go down in order, as parallel as their dependencies allow", async () => {
    let most = 0;
    await fc.assert(
      fc.asyncProperty(graphs(), async (graph) => {
        most = Math.max(most, (await checkUpDown(graph)).most);
      }),
      options(200),
    );
    expect(most).toBeGreaterThan(4);
  });

  test("one resource that fails: nothing is left, it is named first, those who waited are told", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(graphs(), fc.nat(), fc.constantFrom(...breakages), async (graph, at, breakage) => {
        seen.add(await checkFailure(graph, at, breakage));
      }),
      options(60),
    );
    expect(seen.size).toBeGreaterThan(5);
  });

  test("a cancel at any moment leaves nothing", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(graphs(), moment, async (graph, afterMs) => {
        seen.add(await checkCancel(graph, afterMs));
      }),
      options(60),
    );
    expect(seen).toContain("cancelled");
  });

  test.each(["networks.create", "create", "start"] as const)(
    "a cancel while the engine is busy with %s, which it finishes later, leaves nothing",
    async (method) => {
      for (let afterMs = 0; afterMs <= 200; afterMs += 10) {
        await using world = openMemoryWorld(
          {
            r0: { container: { image: "work:1" } },
            r1: { container: { image: "work:1", depends_on: ["r0"] } },
          },
          { delays: { list: 2, [method]: 80 } },
        );
        const controller = new AbortController();
        const running = world.handle.up({ signal: controller.signal }).catch(() => "cancelled");
        await world.clock.pass(afterMs);
        controller.abort(new Error("cancelled by the test"));
        const ended = await bounded(running, "cancelled up");
        await world.clock.pass(1000);
        expect([afterMs, ended === "cancelled" ? await world.holdings() : []]).toEqual([afterMs, []]);
      }
    },
  );

  test("one refused engine call: all of it is up, or nothing is left", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        graphs(),
        fc.constantFrom(...refusable),
        fc.oneof(fc.constant(0), moment),
        async (graph, method, afterMs) => {
          seen.add(await checkRefusal(graph, method, afterMs));
        },
      ),
      options(100),
    );
    expect([...seen].some((each) => each.startsWith("refused"))).toBe(true);
  });

  test("a changed stack: all of it is as wanted, or all of it as it was", async () => {
    const seen = new Set<string>();
    const changes = fc.record({
      disturbance: fc.constantFrom(...disturbances),
      at: fc.nat(),
      afterMs: moment,
    });
    await fc.assert(
      fc.asyncProperty(graphs({ maxLength: 20 }), fc.nat(4), changes, async (graph, every, how) => {
        const changed = (name: string): boolean => every > 0 && Number(name.slice(1)) % every === 0;
        seen.add(await checkConverge(graph, changed, how));
      }),
      options(80),
    );
    expect([...seen].filter((each) => each.endsWith("as before")).length).toBeGreaterThan(1);
  });

  test("40 independent resources have exactly 16 engine actions in flight", async () => {
    const flat: Graph = Array.from({ length: 40 }, (_, index) => ({
      name: nameOf(index),
      kind: "plain",
      needs: [],
      restart: "never",
      startShare: 1,
      readyShare: 0,
    }));
    expect((await checkUpDown(flat)).most).toBe(16);
  });

  test("the judge sees what it is there for", async () => {
    const alone = { kind: "exec", needs: [], restart: "never", startShare: 0, readyShare: 1 } as const;
    await using world = openMemoryWorld(
      {
        r0: { container: { image: "work:1", ready: { exec: ["check"] } } },
        r1: { container: { image: "work:1" } },
      },
      { scripts: { r0: { readyMs: 400 } } },
    );
    await world.handle.up();
    const claimed: Graph = [
      { ...alone, name: "r0" },
      { ...alone, name: "r1", kind: "plain", needs: [{ name: "r0", condition: "ready" }] },
    ];
    expect(judgeOrder(claimed, world.engine.log)).toEqual(['"r1" started 400 ms before "r0" was ready']);
  });
});
