import { describe, expect, test, vi } from "vitest";
import type { Failure } from "./failure.ts";
import { type Budget, chooseRepair, type Playbook, repairKey } from "./repair.ts";

const failure: Failure = { code: "name-in-use", subject: "web", message: "taken", evidence: "" };
const repair = {
  name: "replace-own-container",
  what: "container shop-web-1",
  safe: "ours, not running",
} as const;
const fresh: Budget = { retries: 1, spent: new Set() };

interface Situation {
  readonly ours: boolean;
}
const playbook: Playbook<Situation> = {
  "name-in-use": (_, { ours }) =>
    ours ? { type: "repair", repair } : { type: "give-up", because: "it is somebody else's" },
};

describe("chooseRepair()", () => {
  test("the row of the failure decides, from the situation", () => {
    expect(chooseRepair(playbook, failure, { ours: true }, fresh)).toEqual({ type: "repair", repair });
    expect(chooseRepair(playbook, failure, { ours: false }, fresh)).toEqual({
      type: "give-up",
      because: "it is somebody else's",
    });
  });

  test("a failure without a row is never repaired", () => {
    const other: Failure = { ...failure, code: "disk-full" };
    expect(chooseRepair(playbook, other, { ours: true }, fresh)).toEqual({
      type: "give-up",
      because: "there is no safe repair for it",
    });
  });

  test.each([0, -1])("with %d retries left nothing is looked at", (retries) => {
    const row = vi.fn<() => { readonly type: "repair"; readonly repair: typeof repair }>(() => ({
      type: "repair",
      repair,
    }));
    const decision = chooseRepair({ "name-in-use": row }, failure, {}, { ...fresh, retries });
    expect(decision).toEqual({ type: "give-up", because: "its one retry was made" });
    expect(row).not.toHaveBeenCalled();
  });

  test("the same repair is not made twice for a subject, but for another one", () => {
    const spent = new Set([repairKey(repair.name, "web")]);
    const budget: Budget = { retries: 1, spent };
    expect(chooseRepair(playbook, failure, { ours: true }, budget)).toEqual({
      type: "give-up",
      because: "replace-own-container was done once already",
    });
    const other: Failure = { ...failure, subject: "db" };
    expect(chooseRepair(playbook, other, { ours: true }, budget)).toEqual({ type: "repair", repair });
  });

  test("another repair for the same subject is not spent", () => {
    const spent = new Set([repairKey("pull-again", "web")]);
    expect(chooseRepair(playbook, failure, { ours: true }, { retries: 1, spent }).type).toBe("repair");
  });

  test("the budget is not changed by choosing", () => {
    const spent = new Set<string>();
    chooseRepair(playbook, failure, { ours: true }, { retries: 1, spent });
    expect(spent.size).toBe(0);
  });
});
