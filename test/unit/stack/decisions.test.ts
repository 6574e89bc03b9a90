import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ContainerFacts, ContainerState } from "../../../src/engine/facts.ts";
import { label } from "../../../src/model/labels.ts";
import type { Condition, RestartPolicy } from "../../../src/model/stack.ts";
import { judge } from "../../../src/stack/board.ts";
import { isListening } from "../../../src/stack/check.ts";
import { canonicalJson, configHash } from "../../../src/stack/config-hash.ts";
import { createMask } from "../../../src/stack/mask.ts";
import { stopLevels } from "../../../src/stack/names.ts";
import { probePeriodMs } from "../../../src/stack/probe-period.ts";
import { decideResource, type Wanted } from "../../../src/stack/reconcile.ts";
import { decideRestart, noRestarts, type RestartHistory } from "../../../src/stack/restart-decision.ts";
import type { ResourceStatus } from "../../../src/stack/status.ts";
import { type Graph, graphs } from "../../faults/graph.ts";
import { stopLevelOf } from "../../faults/memory-judge.ts";

function facts(change: Partial<ContainerFacts> = {}): ContainerFacts {
  return {
    id: "1",
    name: "shop.db",
    labels: { [label.configHash]: "hash" },
    image: "db:1",
    imageId: "image",
    state: "running",
    health: "none",
    healthOutput: "",
    restartCount: 0,
    createdAt: undefined,
    startedAt: undefined,
    finishedAt: undefined,
    pid: undefined,
    ports: [],
    addresses: {},
    exitCode: undefined,
    oomKilled: false,
    error: "",
    ...change,
  };
}

describe("decideResource()", () => {
  const wanted: Wanted = {
    kind: "container",
    configHash: "hash",
    imageId: "image",
    forceRecreate: false,
    identity: {},
  };
  const other = { [label.configHash]: "other" };

  test.each<[string, Partial<Wanted>, Partial<ContainerFacts> | undefined, string]>([
    ["absent", {}, undefined, "create"],
    ["runs as wanted", {}, {}, "keep"],
    ["is being restarted by the engine", {}, { state: "restarting" }, "keep"],
    ["stopped, as wanted otherwise", {}, { state: "exited", exitCode: 0 }, "start"],
    ["crashed", {}, { state: "exited", exitCode: 1 }, "start"],
    ["created, never started", {}, { state: "created" }, "replace"],
    ["created, never started, another configuration", {}, { state: "created", labels: other }, "replace"],
    ["half removed", {}, { state: "removing" }, "replace"],
    ["dead", {}, { state: "dead" }, "replace"],
    ["paused", {}, { state: "paused" }, "recreate"],
    ["another configuration", {}, { labels: other }, "recreate"],
    ["no hash at all", {}, { labels: {} }, "recreate"],
    ["another image behind the same reference", {}, { imageId: "older" }, "recreate"],
    ["no image to compare", { imageId: "" }, { imageId: "older" }, "keep"],
    ["recreation asked for", { forceRecreate: true }, {}, "recreate"],
    ["recreation asked for, half made", { forceRecreate: true }, { state: "created" }, "replace"],
    ["recreation asked for, absent", { forceRecreate: true }, undefined, "create"],
    ["task completed", { kind: "task" }, { state: "exited", exitCode: 0 }, "keep"],
    ["task failed", { kind: "task" }, { state: "exited", exitCode: 2 }, "replace"],
    ["task whose end nobody knows", { kind: "task" }, { state: "exited", exitCode: undefined }, "replace"],
    [
      "task completed, another configuration",
      { kind: "task" },
      { state: "exited", exitCode: 0, labels: other },
      "recreate",
    ],
    ["task still runs", { kind: "task" }, {}, "keep"],
  ])("%s", (_, change, found, action) => {
    expect(
      decideResource({ ...wanted, ...change }, found === undefined ? undefined : facts(found)),
    ).toMatchObject({ action });
  });

  test("always has a reason, and keeps only what has the wanted configuration", () => {
    const state = fc.constantFrom<ContainerState>(
      "created",
      "running",
      "paused",
      "restarting",
      "removing",
      "exited",
      "dead",
    );
    const input = fc.record({
      kind: fc.constantFrom("container", "task", "process"),
      same: fc.boolean(),
      sameImage: fc.boolean(),
      forceRecreate: fc.boolean(),
      state,
      exitCode: fc.option(fc.nat(255), { nil: undefined }),
    });
    fc.assert(
      fc.property(input, ({ same, sameImage, state, exitCode, ...rest }) => {
        const found = facts({
          state,
          exitCode,
          labels: same ? { [label.configHash]: "hash" } : other,
          imageId: sameImage ? "image" : "x",
        });
        const { action, because } = decideResource({ ...wanted, ...rest }, found);
        expect(because).not.toBe("");
        expect(action).not.toBe("create");
        const kept = action === "keep" || action === "start";
        expect(kept && !(same && sameImage && !rest.forceRecreate)).toBe(false);
      }),
    );
  });
});

describe("decideRestart()", () => {
  const policy = (mode: RestartPolicy["mode"], max?: number, windowMs = 60_000): RestartPolicy => ({
    mode,
    max,
    windowMs,
  });
  const end = { exitCode: 1, upMs: 0, nowMs: 1_000_000 };
  const history = (restartedAtMs: readonly number[], quickEnds = 0): RestartHistory => ({
    restartedAtMs,
    quickEnds,
  });

  test.each<[string, RestartPolicy, RestartHistory, Partial<typeof end> | { exitCode: undefined }, object]>([
    ["never", policy("never"), noRestarts, {}, { action: "leave" }],
    ["on-failure, code 0", policy("on-failure"), noRestarts, { exitCode: 0 }, { action: "leave" }],
    [
      "on-failure, code 1",
      policy("on-failure"),
      noRestarts,
      {},
      { action: "restart", attempt: 1, delayMs: 100 },
    ],
    [
      "on-failure, unknown code",
      policy("on-failure"),
      noRestarts,
      { exitCode: undefined },
      { action: "restart" },
    ],
    ["always, code 0", policy("always"), noRestarts, { exitCode: 0 }, { action: "restart" }],
    ["unless-stopped, code 0", policy("unless-stopped"), noRestarts, { exitCode: 0 }, { action: "restart" }],
    ["max 0", policy("on-failure", 0), noRestarts, {}, { action: "give-up" }],
    ["max reached", policy("on-failure", 2), history([999_000, 999_500]), {}, { action: "give-up" }],
    [
      "max reached, the first too old",
      policy("on-failure", 2),
      history([940_000, 999_500]),
      {},
      { action: "restart", attempt: 2 },
    ],
    ["max reached, code 0", policy("on-failure", 0), noRestarts, { exitCode: 0 }, { action: "leave" }],
    [
      "fifth quick end",
      policy("on-failure"),
      history([], 4),
      {},
      { delayMs: 1600, history: { quickEnds: 5 } },
    ],
    [
      "after ten steady seconds",
      policy("on-failure"),
      history([], 9),
      { upMs: 10_000 },
      { delayMs: 100, history: { quickEnds: 1 } },
    ],
    [
      "just before",
      policy("on-failure"),
      history([], 9),
      { upMs: 9999 },
      { delayMs: 51_200, history: { quickEnds: 10 } },
    ],
    ["never longer than a minute", policy("on-failure"), history([], 5000), {}, { delayMs: 60_000 }],
  ])("%s", (_, given, before, change, decision) => {
    expect(decideRestart(given, before, { ...end, ...change })).toMatchObject(decision);
  });

  test("never restarts more often than max within the window, whatever happens when", () => {
    const ends = fc.array(fc.record({ afterMs: fc.nat(40_000), upMs: fc.nat(20_000) }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.nat(5), fc.integer({ min: 1, max: 100_000 }), ends, (max, windowMs, list) => {
        let [now, before] = [0, noRestarts];
        const restarts: number[] = [];
        for (const { afterMs, upMs } of list) {
          now += afterMs;
          const decision = decideRestart(policy("on-failure", max, windowMs), before, {
            exitCode: 1,
            upMs,
            nowMs: now,
          });
          if (decision.action !== "restart") break;
          restarts.push(now);
          before = decision.history;
        }
        for (const at of restarts)
          expect(restarts.filter((each) => each <= at && at - each < windowMs).length).toBeLessThanOrEqual(
            max,
          );
      }),
    );
  });
});

describe("probePeriodMs()", () => {
  test.each([
    [0, 5000, 50],
    [1000, 5000, 50],
    [2000, 5000, 100],
    [10_000, 5000, 500],
    [60_000, 5000, 1000],
    [60_000, 300, 300],
    [60_000, 0, 50],
    [0, 10, 50],
  ])("%i ms waited, interval %i ms: %i ms", (waited, interval, period) => {
    expect(probePeriodMs(waited, interval)).toBe(period);
  });

  test("is late by 50 ms or 5 % at most, never above a second or the declared interval, never below 50 ms", () => {
    fc.assert(
      fc.property(fc.nat(3_600_000), fc.nat(600_000), (waited, interval) => {
        const period = probePeriodMs(waited, interval);
        expect(period).toBeGreaterThanOrEqual(50);
        expect(period).toBeLessThanOrEqual(Math.max(50, Math.min(1000, interval, waited * 0.05)));
      }),
    );
  });
});

describe("judge()", () => {
  const failure = { code: "crashed", subject: "db", message: "it ended", evidence: "" } as const;
  const table: readonly [ResourceStatus, Readonly<Record<Condition, "met" | "never" | undefined>>][] = [
    [{ tag: "pending" }, { started: undefined, ready: undefined, completed: undefined }],
    [{ tag: "pulling" }, { started: undefined, ready: undefined, completed: undefined }],
    [{ tag: "building" }, { started: undefined, ready: undefined, completed: undefined }],
    [
      { tag: "waiting", on: ["x"] },
      { started: undefined, ready: undefined, completed: undefined },
    ],
    [{ tag: "starting" }, { started: undefined, ready: undefined, completed: undefined }],
    [
      { tag: "running", id: "1" },
      { started: "met", ready: undefined, completed: undefined },
    ],
    [
      { tag: "ready", id: "1" },
      { started: "met", ready: "met", completed: undefined },
    ],
    [
      { tag: "unhealthy", id: "1", output: "" },
      { started: undefined, ready: undefined, completed: undefined },
    ],
    [
      { tag: "restarting", attempt: 1, delayMs: 1 },
      { started: undefined, ready: undefined, completed: undefined },
    ],
    [{ tag: "completed" }, { started: "met", ready: "met", completed: "met" }],
    [{ tag: "stopping" }, { started: "never", ready: "never", completed: "never" }],
    [{ tag: "stopped" }, { started: "never", ready: "never", completed: "never" }],
    [
      { tag: "failed", failure },
      { started: "never", ready: "never", completed: "never" },
    ],
  ];
  const rows = table.flatMap(([status, verdicts]) =>
    (["started", "ready", "completed"] as const).map(
      (condition) => [status.tag, condition, verdicts[condition], status] as const,
    ),
  );
  test.each(rows)("a dependency that is %s, waited for until %s: %s", (_, condition, verdict, status) => {
    expect(judge("db", condition, status)?.type).toBe(verdict);
  });

  test("hands on the failure that was the cause", () => {
    expect(judge("db", "ready", { tag: "failed", failure })).toEqual({ type: "never", failure });
  });
});

describe("stopLevels()", () => {
  const nodes = (graph: Graph): { name: string; dependsOn: string[] }[] =>
    graph.map(({ name, needs }) => ({ name, dependsOn: needs.map((need) => need.name) }));

  test("puts each name once, as early as its dependents allow", () => {
    fc.assert(
      fc.property(graphs(), (graph) => {
        const levels = stopLevels(nodes(graph));
        const found = new Map(levels.flatMap((level, index) => level.map((name) => [name, index] as const)));
        expect(levels.flat()).toHaveLength(graph.length);
        expect(found).toEqual(new Map([...stopLevelOf(graph)].filter(([name]) => found.has(name))));
      }),
    );
  });

  test.each<[string, { name: string; dependsOn: string[] }[], string[][]]>([
    ["nothing", [], []],
    ["a name that is not there", [{ name: "a", dependsOn: ["gone"] }], [["a"]]],
    ["itself", [{ name: "a", dependsOn: ["a"] }], [["a"]]],
    [
      "a cycle",
      [
        { name: "a", dependsOn: ["b"] },
        { name: "b", dependsOn: ["a"] },
      ],
      [["a", "b"]],
    ],
    [
      "a cycle behind another",
      [
        { name: "c", dependsOn: ["a"] },
        { name: "a", dependsOn: ["b"] },
        { name: "b", dependsOn: ["a"] },
      ],
      [["c"], ["a", "b"]],
    ],
    [
      "the same twice",
      [
        { name: "a", dependsOn: ["b"] },
        { name: "b", dependsOn: [] },
        { name: "b", dependsOn: [] },
      ],
      [["a"], ["b"]],
    ],
  ])("copes with %s", (_, given, levels) => {
    expect(stopLevels(given)).toEqual(levels);
  });

  test("ends and loses nobody, whatever labels say", () => {
    const name = fc.constantFrom("a", "b", "c", "d", "e", "f");
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ name, dependsOn: fc.array(name) }), { selector: (node) => node.name }),
        (given) => {
          expect(stopLevels(given).flat().toSorted()).toEqual(given.map((node) => node.name).toSorted());
        },
      ),
    );
  });
});

describe("configHash()", () => {
  const spec = { image: "db:1", env: { A: "1", B: "2" }, command: ["a", "b"], user: undefined };

  test("does not know the order of keys, nor absent values", () => {
    const shuffled = { command: ["a", "b"], env: { B: "2", A: "1" }, image: "db:1" };
    expect(configHash(shuffled, new Set())).toBe(configHash(spec, new Set()));
  });

  test.each<[string, object]>([
    ["image", { image: "db:2" }],
    ["a variable", { env: { A: "1", B: "3" } }],
    ["one variable less", { env: { A: "1" } }],
    ["order of arguments", { command: ["b", "a"] }],
    ["arguments split otherwise", { command: ["a b"] }],
    ["a field more", { user: "root" }],
  ])("changes with %s", (_, change) => {
    expect(configHash({ ...spec, ...change }, new Set())).not.toBe(configHash(spec, new Set()));
  });

  test("leaves volatile variables out, and no others", () => {
    const volatile = new Set(["B"]);
    expect(configHash({ ...spec, env: { A: "1", B: "9" } }, volatile)).toBe(configHash(spec, volatile));
    expect(configHash({ ...spec, env: { A: "9", B: "2" } }, volatile)).not.toBe(configHash(spec, volatile));
  });

  test("equal text means equal value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("createMask()", () => {
  test.each<[string, string[], string, string]>([
    ["every occurrence", ["hunter22"], "hunter22 and hunter22", "*** and ***"],
    ["one inside another as a whole", ["pass", "password1"], "password1 pass", "*** ***"],
    ["as it stands in an address", ["p@ss/word"], "postgres://u:p%40ss%2Fword@db", "postgres://u:***@db"],
    ["what a pattern would take for a sign", ["a.*$&b"], "a.*$&b axxb", "*** axxb"],
    ["no short word", ["dev", "", "on"], "dev on", "dev on"],
    ["nothing without secrets", [], "text", "text"],
  ])("masks %s", (_, secrets, text, masked) => {
    expect(createMask(secrets)(text)).toBe(masked);
  });

  test("leaves no secret of four letters or more, wherever it stands", () => {
    const secret = fc.string({ minLength: 4, maxLength: 12 }).filter((text) => !text.includes("*"));
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 5 }),
        fc.array(fc.string()),
        fc.nat(),
        (secrets, words, at) => {
          const text = words
            .toSpliced(at % (words.length + 1), 0, ...secrets, ...secrets.map(encodeURIComponent))
            .join("|");
          const masked = createMask(secrets)(text);
          for (const each of secrets) expect(masked.includes(each)).toBe(false);
        },
      ),
    );
  });
});

describe("isListening()", () => {
  const head =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
  const row = (local: string, state: string): string =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 123 1`;
  const any6 = "0".repeat(32);

  test.each<[string, string[], boolean]>([
    ["nothing", [], false],
    ["every IPv4 address", [row("00000000:1F90", "0A")], true],
    ["every IPv6 address", [row(`${any6}:1F90`, "0A")], true],
    ["one address of the container", [row("020011AC:1F90", "0A")], true],
    ["IPv4 loopback alone", [row("0100007F:1F90", "0A")], false],
    ["another loopback address, as of the engine's name server", [row("0B00007F:1F90", "0A")], false],
    ["IPv6 loopback alone", [row("00000000000000000000000001000000:1F90", "0A")], false],
    ["IPv4 loopback written as IPv6", [row("0000000000000000FFFF00000100007F:1F90", "0A")], false],
    ["a connection, no listener", [row("00000000:1F90", "01")], false],
    ["another port", [row("00000000:1F91", "0A")], false],
    ["a port that ends the same", [row("00000000:01F9", "0A")], false],
    ["the port on the other side", [`   0: 00000000:0050 00000000:1F90 0A 0 0`], false],
    ["loopback and an address", [row("0100007F:1F90", "0A"), row("020011AC:1F90", "0A")], true],
  ])("%s", (_, rows, listening) => {
    expect(isListening([head, ...rows, ""].join("\n"), 8080)).toBe(listening);
  });

  test("small ports are padded", () => {
    expect(isListening([head, row("00000000:0050", "0A")].join("\n"), 80)).toBe(true);
  });

  test("never throws", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 1, max: 65_535 }),
        (text, port) => typeof isListening(text, port) === "boolean",
      ),
    );
  });
});
