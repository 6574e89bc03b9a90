import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify } from "./classify.ts";
import type { Failure, FailureCode } from "./failure.ts";
import { fixtures } from "./fixtures/all.ts";
import { textOf } from "./fixtures/fixture.ts";
import { FailureError, recoverOnce } from "./recover-once.ts";
import type { Decision, Repair } from "./repair.ts";
import type { RecoveryReport } from "./report.ts";

const repair: Repair = { name: "pull-again", what: "redis:7 once more", safe: "it was cut" };

function failureOf(code: FailureCode, cause?: Failure): Failure {
  return {
    code,
    subject: "web",
    message: `web: ${code}`,
    evidence: "",
    ...(cause === undefined ? {} : { cause }),
  };
}

/** What a step of the operation does: nothing, or reject with this. */
type Step = Failure | Error | undefined;

interface Script {
  readonly runs: readonly Step[];
  readonly decision?: Decision;
  readonly apply?: Step;
  readonly concerns?: boolean;
}

interface Played {
  readonly steps: readonly string[];
  readonly reports: readonly RecoveryReport[];
  readonly result: string | undefined;
  readonly error: unknown;
}

/** Plays it through with a clock that goes on by 7.4 ms with every look. */
async function play({
  runs,
  decision = { type: "repair", repair },
  apply,
  concerns,
}: Script): Promise<Played> {
  const steps: string[] = [];
  const reports: RecoveryReport[] = [];
  let ms = 1000;
  const step = (outcome: Step): void => {
    if (outcome instanceof Error) throw outcome;
    if (outcome !== undefined) throw new FailureError(outcome);
  };
  try {
    const result = await recoverOnce({
      name: 'start of "web"',
      run: async (attempt) => {
        steps.push(`run ${attempt}`);
        step(runs[steps.filter((each) => each.startsWith("run")).length - 1]);
        return `done in ${attempt}`;
      },
      ...(concerns === undefined ? {} : { concerns: () => concerns }),
      choose: async ({ code }) => {
        steps.push(`choose ${code}`);
        return decision;
      },
      apply: async ({ name }) => {
        steps.push(`apply ${name}`);
        step(apply);
      },
      listener: {
        detected: ({ code }) => steps.push(`detected ${code}`),
        repairing: ({ name }) => steps.push(`repairing ${name}`),
        repaired: ({ name }) => steps.push(`repaired ${name}`),
        ended: (report) => {
          steps.push(`ended ${report.outcome}`);
          reports.push(report);
        },
      },
      now: () => {
        ms += 7.4;
        return ms;
      },
    });
    return { steps, reports, result, error: undefined };
  } catch (error) {
    return { steps, reports, result: undefined, error };
  }
}

function chain(failure: Failure): readonly FailureCode[] {
  return failure.cause === undefined ? [failure.code] : [failure.code, ...chain(failure.cause)];
}

function failureIn({ error }: Played): Failure {
  if (!(error instanceof FailureError)) throw new Error("it did not end with a failure");
  return error.failure;
}

const first = failureOf("registry-unreachable");

describe("recoverOnce()", () => {
  test("what works is not looked at", async () => {
    const played = await play({ runs: [undefined] });
    expect(played).toEqual({ steps: ["run 1"], reports: [], result: "done in 1", error: undefined });
  });

  test("one repair, one retry, each told before it is made", async () => {
    const played = await play({ runs: [first, undefined] });
    expect(played.result).toBe("done in 2");
    expect(played.steps).toEqual([
      "run 1",
      "choose registry-unreachable",
      "detected registry-unreachable",
      "repairing pull-again",
      "apply pull-again",
      "repaired pull-again",
      "run 2",
      "ended recovered",
    ]);
    expect(played.reports).toEqual([
      {
        operation: 'start of "web"',
        detected: first,
        repair: { ...repair, outcome: "done" },
        because: undefined,
        retry: { outcome: "worked", tookMs: 7 },
        outcome: "recovered",
        failure: undefined,
      },
    ]);
  });

  test("without a repair it ends with what was detected, and says why", async () => {
    const played = await play({ runs: [first], decision: { type: "give-up", because: "none is safe" } });
    expect(failureIn(played)).toBe(first);
    expect(played.steps).toEqual([
      "run 1",
      "choose registry-unreachable",
      "detected registry-unreachable",
      "ended gave-up",
    ]);
    expect(played.reports[0]).toMatchObject({ because: "none is safe", repair: undefined, retry: undefined });
  });

  test("a repair that fails is not followed by a retry", async () => {
    const played = await play({ runs: [first], apply: failureOf("disk-full") });
    expect(chain(failureIn(played))).toEqual(["disk-full", "registry-unreachable"]);
    expect(played.steps.slice(-2)).toEqual(["apply pull-again", "ended gave-up"]);
    expect(played.reports[0]).toMatchObject({
      repair: { name: "pull-again", outcome: "failed" },
      retry: undefined,
      failure: { code: "disk-full", cause: { code: "registry-unreachable" } },
    });
  });

  test("a retry that fails otherwise ends it: no second repair, both failures in the report", async () => {
    const played = await play({ runs: [first, failureOf("image-denied"), undefined] });
    expect(chain(failureIn(played))).toEqual(["image-denied", "registry-unreachable"]);
    expect(played.steps.filter((each) => each.startsWith("apply"))).toHaveLength(1);
    expect(played.steps.filter((each) => each.startsWith("run"))).toEqual(["run 1", "run 2"]);
    expect(played.reports[0]).toMatchObject({
      repair: { outcome: "done" },
      retry: { outcome: "failed", tookMs: 7 },
      outcome: "gave-up",
    });
    expect(played.reports[0]?.failure).toEqual(failureIn(played));
  });

  test("the first failure is the end of the chain, behind the causes the second one brings", async () => {
    const brought = failureOf("dependency-failed", failureOf("crashed", failureOf("out-of-memory")));
    const played = await play({ runs: [first, brought] });
    expect(chain(failureIn(played))).toEqual([
      "dependency-failed",
      "crashed",
      "out-of-memory",
      "registry-unreachable",
    ]);
    expect(chain(brought)).toHaveLength(3);
  });

  test("a cancellation of the first run passes through untouched and untold", async () => {
    const stop = new DOMException("stop", "AbortError");
    const played = await play({ runs: [stop] });
    expect(played.error).toBe(stop);
    expect(played.reports).toEqual([]);
    expect(played.steps).toEqual(["run 1"]);
  });

  test.each<[string, Script, "done" | "failed"]>([
    ["repair", { runs: [first], apply: new DOMException("stop", "AbortError") }, "failed"],
    ["retry", { runs: [first, new DOMException("stop", "AbortError")] }, "done"],
  ])(
    "a cancellation of the %s passes through untouched, and the report says so",
    async (_, script, outcome) => {
      const played = await play(script);
      expect(played.error).toBe([...script.runs, script.apply].find((each) => each instanceof Error));
      expect(played.reports).toMatchObject([{ outcome: "gave-up", because: "stop", repair: { outcome } }]);
    },
  );

  test("what does not concern the operation passes through untold", async () => {
    const played = await play({ runs: [first], concerns: false });
    expect(failureIn(played)).toBe(first);
    expect(played.steps).toEqual(["run 1"]);
  });

  test("whatever happens: at most two runs, one repair, one report; the report tells what was done", async () => {
    const code = fc.constantFrom<FailureCode>("registry-unreachable", "port-in-use", "crashed", "disk-full");
    const step = fc.oneof<fc.Arbitrary<Step>[]>(
      fc.constant(undefined),
      code.map((each) => failureOf(each)),
      fc.constant(new Error("stop")),
    );
    const decision = fc.constantFrom<Decision>(
      { type: "repair", repair },
      { type: "give-up", because: "none is safe" },
    );
    const script = fc.record({ runs: fc.array(step, { minLength: 5, maxLength: 5 }), decision, apply: step });
    await fc.assert(
      fc.asyncProperty(script, async (each) => {
        const played = await play(each);
        const count = (what: string): number => played.steps.filter((step) => step.startsWith(what)).length;
        expect(count("run")).toBeLessThanOrEqual(2);
        expect(count("apply")).toBeLessThanOrEqual(1);
        expect(count("run 2")).toBe(count("repaired"));
        expect(count("apply")).toBe(count("repairing"));
        expect(played.reports.length).toBeLessThanOrEqual(1);
        const [report] = played.reports;
        if (report === undefined) return;
        expect(report.retry !== undefined).toBe(count("run 2") === 1);
        expect(report.repair !== undefined).toBe(count("apply") === 1);
        expect(report.outcome === "recovered").toBe(played.result === "done in 2");
        if (!(played.error instanceof FailureError)) return;
        expect(chain(failureIn(played)).at(-1)).toBe(report.detected.code);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("replay", () => {
  /** One operation for each recorded text; what is retried fails with the next one. */
  async function replay(): Promise<string> {
    const recorded = fixtures.map((each) =>
      classify({ ...each.evidence, subject: "web", during: each.during, text: textOf(each) }),
    );
    const reports: RecoveryReport[] = [];
    for (const [at, failure] of recorded.entries()) {
      const next = recorded[(at + 1) % recorded.length];
      const played = await play({ runs: [failure, at % 2 === 0 ? next : undefined] });
      reports.push(...played.reports);
    }
    return JSON.stringify(reports);
  }

  test("the same failures 100 times give the same reports, byte for byte", async () => {
    const once = await replay();
    expect(JSON.parse(once)).toHaveLength(fixtures.length);
    for (let round = 1; round < 100; round += 1) expect((await replay()) === once).toBe(true);
  });
});
