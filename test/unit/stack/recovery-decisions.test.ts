import { describe, expect, test } from "vitest";
import type { Failure, FailureDetails } from "../../../src/recovery/failure.ts";
import { chooseRepair } from "../../../src/recovery/repair.ts";
import { type StackSituation, stackPlaybook } from "../../../src/stack/recovery/playbook.ts";
import { nextBundle, type PortSituation } from "../../../src/stack/recovery/port-decision.ts";
import type { IdleNetwork, Namesake } from "../../../src/stack/recovery/repairs.ts";

const bundles = [
  { name: "default", ports: { web: 8080, grafana: 3002, db: 3306 } },
  { name: "alternate", ports: { web: 8085, grafana: 3004, db: 3307 } },
];

const free: PortSituation = {
  policy: "bundle",
  bundles,
  current: { bundle: "default", moved: new Map() },
  target: [
    { name: "web", number: 8085, state: "free", detail: "" },
    { name: "grafana", number: 3004, state: "free", detail: "" },
    { name: "db", number: 3307, state: "free", detail: "" },
  ],
  isFixed: false,
  freePorts: undefined,
  others: [],
  takenByUs: undefined,
};

function failure(code: Failure["code"], details?: FailureDetails): Failure {
  return { code, subject: "web", message: "it failed", evidence: "", details };
}

const conflict = failure("port-in-use", { port: { address: "0.0.0.0", number: 8080, protocol: "tcp" } });

function decide(what: Failure, situation: StackSituation, spent: readonly string[] = []) {
  return chooseRepair(stackPlaybook, what, situation, { retries: 1, spent: new Set(spent) });
}

function becauseOf(what: Failure, situation: StackSituation): string {
  const decision = decide(what, situation);
  return decision.type === "give-up" ? decision.because : `it chose ${decision.repair.name}`;
}

describe("port-in-use", () => {
  test("moves the stack to the next bundle as a whole", () => {
    expect(decide(conflict, { ports: free })).toEqual({
      type: "repair",
      repair: {
        name: "use-port-bundle",
        what: 'bundle "alternate": web 8085, grafana 3004, db 3307 (all three probed free)',
        safe: "the manifest declares it, and every port of it was probed free on IPv4 and IPv6",
        choice: { bundle: "alternate", moved: new Map() },
      },
    });
  });

  test.each<readonly [string, Partial<PortSituation>, RegExp]>([
    ["the manifest says never", { policy: "never" }, /recovery\.ports: never/],
    ["the caller chose the ports", { isFixed: true }, /chosen by whoever opened/],
    ["there is one bundle", { bundles: bundles.slice(0, 1) }, /no other port bundle/],
    [
      "there is none",
      { bundles: [], current: { bundle: undefined, moved: new Map() } },
      /no other port bundle/,
    ],
    [
      "the last bundle is in use",
      { current: { bundle: "alternate", moved: new Map() } },
      /"alternate" is the last/,
    ],
    ["another resource of the stack has it", { takenByUs: "proxy" }, /"proxy" of this stack has port 8080/],
    [
      "others would stay behind",
      { others: ["db", "grafana"] },
      /"db", "grafana" would stay on the former ports/,
    ],
    ["the target was not looked at", { target: undefined }, /were not probed/],
    [
      "a port of the target is held",
      { target: [{ name: "grafana", number: 3004, state: "held", detail: 'is held by process "node"' }] },
      /"alternate" cannot be used: grafana 3004 is held by process "node"/,
    ],
    [
      "a port of the target cannot be probed",
      { target: [{ name: "web", number: 8085, state: "unknown", detail: "the engine may be elsewhere" }] },
      /web 8085 the engine may be elsewhere/,
    ],
  ])("gives up when %s", (_, changed, because) => {
    expect(becauseOf(conflict, { ports: { ...free, ...changed } })).toMatch(because);
  });

  test("gives up for a port that no bundle has, and for one that is not known", () => {
    const other = failure("port-in-use", { port: { address: "", number: 9999, protocol: "tcp" } });
    expect(becauseOf(other, { ports: free })).toMatch(/port 9999 is not of port bundle "default"/);
    expect(becauseOf(failure("port-in-use"), { ports: free })).toMatch(/cannot be told/);
    expect(becauseOf(conflict, {})).toMatch(/only a whole `lash up` moves/);
  });

  test("takes a free port where the manifest asks for it, and keeps what was moved before", () => {
    const moved = new Map([[3306, 40_001]]);
    const ports: PortSituation = {
      ...free,
      policy: "any-free",
      freePorts: new Map([[8080, 40_002]]),
      current: { bundle: "default", moved },
    };
    expect(decide(conflict, { ports })).toMatchObject({
      repair: {
        name: "use-free-port",
        what: "port 40002 instead of 8080 (probed free)",
        choice: { bundle: "default", moved: new Map([...moved, [8080, 40_002]]) },
      },
    });
    const again = failure("port-in-use", { port: { address: "", number: 40_001, protocol: "tcp" } });
    expect(decide(again, { ports: { ...ports, freePorts: new Map([[40_001, 40_002]]) } })).toMatchObject({
      repair: { choice: { moved: new Map([[3306, 40_002]]) } },
    });
    const both = new Map([
      [8080, 40_002],
      [9090, 40_003],
    ]);
    expect(decide(conflict, { ports: { ...ports, freePorts: both } })).toMatchObject({
      repair: {
        what: "port 40002 instead of 8080, port 40003 instead of 9090 (both probed free)",
        choice: { moved: new Map([...moved, ...both]) },
      },
    });
    expect(becauseOf(conflict, { ports: { ...ports, freePorts: new Map() } })).toMatch(/no free port/);
    expect(becauseOf(conflict, { ports: { ...ports, freePorts: { because: "it is elsewhere" } } })).toBe(
      "it is elsewhere",
    );
  });

  test("nextBundle() goes on in the manifest's order and never round", () => {
    expect(nextBundle(bundles, "default")?.name).toBe("alternate");
    expect(nextBundle(bundles, "alternate")).toBeUndefined();
    expect(nextBundle(bundles, "gone")).toBeUndefined();
  });
});

describe("name-in-use", () => {
  const namesake: Namesake = { id: "abc", name: "shop.web", ours: true, atRest: true };

  test("replaces what is ours and does not run", () => {
    expect(decide(failure("name-in-use"), { namesake })).toMatchObject({
      repair: { name: "replace-own-container", container: "abc" },
    });
  });

  test.each<readonly [string, Namesake | undefined, RegExp]>([
    ["a stranger's", { ...namesake, ours: false }, /not of this stack/],
    ["a stranger's that runs", { ...namesake, ours: false, atRest: false }, /not of this stack/],
    ["ours that runs", { ...namesake, atRest: false }, /but it runs or was just made/],
    ["nobody's", undefined, /not a container of this stack/],
  ])("leaves %s alone", (_, whose, because) => {
    expect(becauseOf(failure("name-in-use"), { namesake: whose })).toMatch(because);
  });
});

describe("network-pool-exhausted", () => {
  const idle: IdleNetwork = { id: "n1", name: "lash-old", project: "old" };

  test("removes what Lash left behind, and nothing where there is nothing", () => {
    expect(decide(failure("network-pool-exhausted"), { idleNetworks: [idle] })).toMatchObject({
      repair: { name: "remove-own-networks", networks: [idle] },
    });
    expect(becauseOf(failure("network-pool-exhausted"), { idleNetworks: [] })).toMatch(
      /none of the networks/,
    );
  });
});

describe("pulls", () => {
  test.each<readonly [Failure["code"], FailureDetails, StackSituation, string | RegExp]>([
    ["registry-unreachable", { passing: true }, { localImage: true }, "use-local-image"],
    ["registry-unreachable", { passing: true }, { localImage: false }, "pull-again"],
    ["registry-unreachable", { passing: false }, { localImage: true }, "use-local-image"],
    ["registry-unreachable", { passing: false }, {}, /would end the same way/],
    ["image-rate-limited", { retryAfterMs: 1200 }, {}, "pull-again"],
    ["image-rate-limited", { retryAfterMs: 60_000 }, {}, /asks to wait 60 s/],
    ["image-rate-limited", {}, {}, /does not say when/],
    ["image-rate-limited", {}, { localImage: true }, "use-local-image"],
    ["image-not-found", {}, { localImage: true }, /no safe repair/],
    ["image-denied", {}, { localImage: true }, /no safe repair/],
  ])("%s %j %j", (code, details, situation, expected) => {
    const decision = decide(failure(code, details), situation);
    const told = decision.type === "repair" ? decision.repair.name : decision.because;
    expect(told).toMatch(expected);
  });
});

test("no repair is made twice for one subject", () => {
  expect(decide(conflict, { ports: free }, ["use-port-bundle web"])).toMatchObject({ type: "give-up" });
  expect(decide(conflict, { ports: free }, ["use-port-bundle api"])).toMatchObject({ type: "repair" });
});
