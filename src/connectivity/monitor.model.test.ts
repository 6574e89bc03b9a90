import fc from "fast-check";
import { expect, test } from "vitest";
import { never, openBench, type ScriptedDependency } from "./connectivity.test.support.ts";
import type { LogRecord } from "./log.ts";

const step = fc.oneof(
  fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 40_000 }) }),
  fc.record({ do: fc.constantFrom("demand", "suspect", "rearm"), times: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ do: fc.constant("jump" as const), ms: fc.integer({ min: -4_000_000, max: 4_000_000 }) }),
  fc.record({
    do: fc.constant("answer" as const),
    answer: fc.oneof(
      fc.constantFrom<ScriptedDependency["answer"]>("ok", "refused", "hung"),
      fc.integer({ min: 1, max: 4000 }),
    ),
  }),
);

test("a monitor keeps its laws whatever happens: one probe at a time, bounded pauses, recovery in time", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 25 }),
      fc.integer({ min: 0, max: 4 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      async (steps, maxRetries, randoms) => {
        const limits = { baseDelayMs: 200, maxDelayMs: 5000, jitterMs: 300, maxRetries };
        await using bench = openBench("refused", {
          retry: limits,
          random: () => Number(randoms.next().value),
        });
        const { clock, dependency, monitor, statuses } = bench;
        for (const each of steps) {
          if (each.do === "pass") await clock.pass(each.ms);
          else if (each.do === "jump") clock.jump(each.ms);
          else if (each.do === "answer") dependency.answer = each.answer;
          else {
            for (let i = 0; i < each.times; i++) {
              if (each.do === "demand") void monitor.demand({ signal: never });
              else if (each.do === "suspect") monitor.suspect();
              else monitor.rearm();
            }
          }
        }
        expect(dependency.mostAtOnce).toBeLessThanOrEqual(1);
        for (const status of statuses) expect(status.retryInMs ?? 0).toBeLessThanOrEqual(limits.maxDelayMs);
        for (const outage of outagesOf(bench.records)) {
          // One for the fall, one for the first exhaustion.
          expect(outage[0]).toBe("error");
          expect(outage.filter((level) => level === "error").length).toBeLessThanOrEqual(2);
        }
        // Whatever state it is in: once the dependency answers and a probe that began before is over, a request, or
        // without exhaustion time alone, is enough.
        dependency.answer = "ok";
        await clock.pass(3000);
        if (monitor.status.exhausted) void monitor.demand({ signal: never });
        await clock.pass(limits.maxDelayMs);
        expect(monitor.status.status).toBe("up");
        expect(bench.faults).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
});

/** Levels of the records of each outage, the recovery not among them. */
function outagesOf(records: readonly LogRecord[]): readonly (readonly string[])[] {
  const outages: string[][] = [[]];
  for (const { level, state } of records) {
    if (state === "up") outages.push([]);
    else outages.at(-1)?.push(level);
  }
  return outages.filter(({ length }) => length > 0);
}
