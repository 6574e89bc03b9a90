import { expect, test } from "vitest";
import { openBench, settle } from "./connectivity.test.support.ts";
import type { RecoveryStep } from "./recovery.ts";

/** A step that writes down what it is told; `reconcile` can be made to wait or to fail. */
class Step implements RecoveryStep {
  reconcileWith: (signal: AbortSignal) => Promise<void> = async () => {};
  readonly #name: string;
  readonly #journal: string[];

  constructor(name: string, journal: string[]) {
    this.#name = name;
    this.#journal = journal;
  }

  async reconcile({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    this.#journal.push(`${this.#name} reconciles`);
    await this.reconcileWith(signal);
  }

  reopen(): void {
    this.#journal.push(`${this.#name} reopens`);
  }
}

test("everything reconciles before anything reopens, at the first start and after an outage", async () => {
  const journal: string[] = [];
  await using bench = openBench("ok");
  const [a, b] = [new Step("a", journal), new Step("b", journal)];
  b.reconcileWith = async (signal) => await bench.clock.sleep(1000, { signal });
  bench.monitor.onRecovery(a);
  bench.monitor.onRecovery(b);
  await bench.clock.pass(999);
  expect(bench.monitor.status.status).toBe("up");
  expect(bench.monitor.isOpen).toBe(false);
  expect(journal.splice(0)).toEqual(["a reconciles", "b reconciles"]);
  await bench.clock.pass(1);
  expect(bench.monitor.isOpen).toBe(true);
  expect(journal.splice(0)).toEqual(["a reopens", "b reopens"]);
  bench.dependency.answer = "refused";
  bench.monitor.suspect();
  await settle();
  expect(bench.monitor.isOpen).toBe(false);
  bench.dependency.answer = "ok";
  await bench.clock.pass(1500);
  expect(bench.monitor.isOpen).toBe(true);
  expect(journal).toEqual(["a reconciles", "b reconciles", "a reopens", "b reopens"]);
});

test("a step that cannot reconcile is tried again with growing pauses, and holds back the others", async () => {
  const journal: string[] = [];
  await using bench = openBench("ok");
  const [a, b] = [new Step("a", journal), new Step("b", journal)];
  let failures = 2;
  b.reconcileWith = async () => {
    failures -= 1;
    if (failures >= 0) throw new Error("list failed");
  };
  bench.monitor.onRecovery(a);
  bench.monitor.onRecovery(b);
  await bench.clock.pass(1499);
  expect(journal).toEqual(["a reconciles", "b reconciles", "b reconciles"]);
  expect(bench.monitor.isOpen).toBe(false);
  await bench.clock.pass(1);
  expect(journal.slice(3)).toEqual(["b reconciles", "a reopens", "b reopens"]);
  expect(bench.faults).toEqual([new Error("list failed"), new Error("list failed")]);
});

test("a step that fails because the dependency is gone again makes that known at once", async () => {
  await using bench = openBench("ok");
  bench.monitor.onRecovery({
    async reconcile() {
      bench.dependency.answer = "refused";
      throw new Error("connection refused");
    },
    reopen() {},
  });
  await settle();
  await settle();
  expect(bench.monitor.status.status).toBe("down");
  expect(bench.monitor.isOpen).toBe(false);
});

test("an outage during a recovery gives it up, and nothing reopens", async () => {
  const journal: string[] = [];
  await using bench = openBench("ok");
  const step = new Step("a", journal);
  let reason: unknown;
  step.reconcileWith = async (signal) => {
    await bench.clock.sleep(1e9, { signal }).catch(() => {});
    reason = signal.reason;
  };
  bench.monitor.onRecovery(step);
  await settle();
  bench.dependency.answer = "refused";
  bench.monitor.suspect();
  await settle();
  expect(reason).toMatchObject({ code: "cancelled" });
  expect(journal).toEqual(["a reconciles"]);
  step.reconcileWith = async () => {};
  bench.dependency.answer = "ok";
  await bench.clock.pass(500);
  expect(journal).toEqual(["a reconciles", "a reconciles", "a reopens"]);
  expect(bench.faults).toEqual([]);
});

test("a step that is added when all is open runs at once, and so closes and opens", async () => {
  const journal: string[] = [];
  await using bench = openBench("ok");
  bench.monitor.onRecovery(new Step("a", journal));
  await settle();
  bench.monitor.onRecovery(new Step("b", journal));
  expect(bench.monitor.isOpen).toBe(false);
  await settle();
  expect(journal).toEqual(["a reconciles", "a reopens", "b reconciles", "b reopens"]);
  expect(bench.monitor.isOpen).toBe(true);
});

test("a step that is taken away while it reconciles does not reopen", async () => {
  const journal: string[] = [];
  await using bench = openBench("ok");
  const step = new Step("a", journal);
  step.reconcileWith = async (signal) => await bench.clock.sleep(100, { signal });
  const remove = bench.monitor.onRecovery(step);
  await settle();
  remove();
  await bench.clock.pass(100);
  expect(journal).toEqual(["a reconciles"]);
  expect(bench.monitor.isOpen).toBe(true);
});

test("a step that is added during a recovery joins it; one that is taken away holds nothing back", async () => {
  const journal: string[] = [];
  await using bench = openBench("ok");
  const never = new Step("never", journal);
  never.reconcileWith = async () => {
    throw new Error("never");
  };
  const remove = bench.monitor.onRecovery(never);
  await settle();
  expect(bench.monitor.isOpen).toBe(false);
  bench.monitor.onRecovery(new Step("late", journal));
  remove();
  await bench.clock.pass(500);
  expect(journal).toEqual(["never reconciles", "late reconciles", "late reopens"]);
  expect(bench.monitor.isOpen).toBe(true);
});

test("a step that throws when it reopens is a fault, and the others reopen", async () => {
  const journal: string[] = [];
  await using bench = openBench("ok");
  bench.monitor.onRecovery({
    async reconcile() {},
    reopen() {
      throw new Error("reopen");
    },
  });
  bench.monitor.onRecovery(new Step("b", journal));
  await settle();
  expect(journal).toEqual(["b reconciles", "b reopens"]);
  expect(bench.faults).toEqual([new Error("reopen")]);
});

test("disposal does not wait for a step that ignores its signal", async () => {
  const bench = openBench("ok");
  bench.monitor.onRecovery({ reconcile: async () => await new Promise(() => {}), reopen() {} });
  await settle();
  const startedAt = performance.now();
  await bench.monitor[Symbol.asyncDispose]();
  expect(performance.now() - startedAt).toBeLessThan(50);
});
