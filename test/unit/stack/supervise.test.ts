import { describe, expect, test } from "vitest";
import { LashError } from "../../../src/model/errors.ts";
import type { StackEvent } from "../../../src/stack/events.ts";
import type { SuperviseEnd } from "../../../src/stack/handle.ts";
import { bounded, type MemoryWorld, openMemoryWorld } from "../../faults/memory-world.ts";

interface Supervised extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly ended: Promise<SuperviseEnd>;
  readonly end: () => SuperviseEnd | undefined;
  readonly interrupt: () => void;
}

/** A stack that is up and supervised. */
async function supervise(...given: Parameters<typeof openMemoryWorld>): Promise<Supervised> {
  const world = openMemoryWorld(...given);
  await bounded(world.handle.up(), "up");
  const controller = new AbortController();
  let end: SuperviseEnd | undefined;
  const ended = world.handle.supervise({ signal: controller.signal }).then((how) => {
    end = how;
    return how;
  });
  await world.clock.settle();
  const interrupt = (): void => controller.abort(new Error("interrupted"));
  return {
    world,
    ended,
    interrupt,
    end: () => end,
    async [Symbol.asyncDispose]() {
      interrupt();
      await bounded(ended, "supervise after its signal");
      await world[Symbol.asyncDispose]();
    },
  };
}

function of<T extends StackEvent["type"]>(
  world: MemoryWorld,
  type: T,
  name?: string,
): Extract<StackEvent, { type: T }>[] {
  return world.events.filter(
    (event): event is Extract<StackEvent, { type: T }> =>
      event.type === type && (name === undefined || ("name" in event && event.name === name)),
  );
}

function startsOf({ engine }: MemoryWorld, name: string): number[] {
  return engine.log.flatMap((entry) =>
    entry.type === "change" && entry.action === "start" && entry.target === `shop.${name}`
      ? [entry.atMs]
      : [],
  );
}

function callsOf({ engine }: MemoryWorld, method: string): number {
  return engine.log.filter((entry) => entry.type === "call" && entry.method === method).length;
}

const container = (more: object = {}): object => ({ container: { image: "work:1", ...more } });
const two = (restart: unknown): Record<string, unknown> => ({
  db: container({ restart }),
  api: container({ depends_on: ["db"] }),
});

describe("restart policies", () => {
  test("never: a crash is told with its exit facts and last lines, and left", async () => {
    await using run = await supervise(two("never"), { scripts: { db: { output: ["out of luck"] } } });
    const { world } = run;
    const crashedAt = world.clock.now();
    world.engine.crash("shop.db", 7);
    await world.until(() => of(world, "resource_failed").length > 0, "the failure");
    expect(world.clock.now() - crashedAt).toBeLessThanOrEqual(1000);
    expect(of(world, "resource_exited", "db")).toMatchObject([
      { exit_code: 7, oom_killed: false, log_tail: ["out of luck"] },
    ]);
    expect(of(world, "resource_failed")).toMatchObject([
      { name: "db", failure: { code: "crashed", exitCode: 7 } },
    ]);
    await world.clock.pass(120_000);
    expect(startsOf(world, "db")).toHaveLength(1);
    // Its dependent is not torn down, so there is something to supervise.
    expect(world.handle.status("api").current.tag).toBe("ready");
    expect(run.end()).toBeUndefined();
  });

  test("never is the default", async () => {
    await using run = await supervise({ db: container() });
    run.world.engine.crash("shop.db");
    expect(await bounded(run.ended, "all ended")).toMatchObject({
      reason: "all-ended",
      failures: [{ code: "crashed" }],
    });
    expect(startsOf(run.world, "db")).toHaveLength(1);
  });

  test("memory shortage is called by its name", async () => {
    await using run = await supervise(two("never"));
    run.world.engine.outOfMemory("shop.db");
    await run.world.until(() => of(run.world, "resource_failed").length > 0, "the failure");
    expect(of(run.world, "resource_exited")).toMatchObject([{ exit_code: 137, oom_killed: true }]);
    expect(of(run.world, "resource_failed")).toMatchObject([{ failure: { code: "out-of-memory" } }]);
  });

  test("on-failure: restarted after 100 ms and ready again, its dependents untouched", async () => {
    await using run = await supervise(two("on-failure"));
    const { world } = run;
    const crashedAt = world.clock.now();
    world.engine.crash("shop.db");
    await world.until(() => of(world, "resource_ready", "db").length === 2, "ready again");
    expect(startsOf(world, "db")[1]).toBe(crashedAt + 100);
    expect(of(world, "resource_restarting")).toMatchObject([{ name: "db", attempt: 1, delay_ms: 100 }]);
    expect(startsOf(world, "api")).toHaveLength(1);
    expect(callsOf(world, "create")).toBe(2);
    expect(of(world, "resource_failed")).toEqual([]);
  });

  test("on-failure: an end with code 0 is no failure", async () => {
    await using run = await supervise(two("on-failure"));
    run.world.engine.crash("shop.db", 0);
    await run.world.until(() => of(run.world, "resource_stopped", "db").length > 0, "stopped");
    await run.world.clock.pass(60_000);
    expect(startsOf(run.world, "db")).toHaveLength(1);
    expect(run.world.handle.status("db").current.tag).toBe("stopped");
  });

  test("waits for readiness after each restart", async () => {
    await using run = await supervise(
      { db: container({ restart: "on-failure", ready: { exec: ["check"] } }) },
      { scripts: { db: { readyMs: 700 } } },
    );
    const { world } = run;
    world.engine.crash("shop.db");
    await world.until(() => startsOf(world, "db").length === 2, "the restart");
    await world.clock.pass(600);
    expect(world.handle.status("db").current.tag).toBe("running");
    await world.until(() => of(world, "resource_ready", "db").length === 2, "ready again");
    expect(world.clock.now() - (startsOf(world, "db")[1] ?? 0)).toBeLessThanOrEqual(760);
  });

  test("back-off doubles from 100 ms, a loop is named at the fifth end, and goes on without a maximum", async () => {
    await using run = await supervise(two("on-failure"), {
      scripts: { db: { runs: [{}], exitAfterMs: 50, exitCode: 1 } },
    });
    const { world } = run;
    world.engine.crash("shop.db");
    await world.until(() => of(world, "resource_restarting").length === 12, "twelve restarts");
    const waits = of(world, "resource_restarting").map(({ delay_ms }) => delay_ms);
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
    expect(of(world, "failure_detected")).toMatchObject([{ name: "db", failure: { code: "crash-loop" } }]);
    expect(of(world, "resource_exited").length).toBe(12);
    expect(of(world, "failure_detected")[0]?.seq).toBeGreaterThan(
      of(world, "resource_exited")[4]?.seq ?? Infinity,
    );
    expect(run.end()).toBeUndefined();
  });

  test("ten steady seconds start the back-off anew", async () => {
    await using run = await supervise(two("on-failure"));
    const { world } = run;
    for (let crash = 1; crash <= 3; crash += 1) {
      await world.clock.pass(11_000);
      world.engine.crash("shop.db");
      await world.until(() => of(world, "resource_ready", "db").length === crash + 1, "ready again");
    }
    expect(of(world, "resource_restarting").map(({ delay_ms }) => delay_ms)).toEqual([100, 100, 100]);
  });

  test("max: given up after that many restarts in the window, as a crash loop", async () => {
    const restart = { mode: "on-failure", max: 3, window: "1m" };
    await using run = await supervise(two(restart), {
      scripts: { db: { runs: [{}], exitAfterMs: 20, exitCode: 9 } },
    });
    const { world } = run;
    world.engine.crash("shop.db");
    await world.until(() => of(world, "resource_failed").length > 0, "giving up");
    expect(startsOf(world, "db")).toHaveLength(4);
    const [failed] = of(world, "resource_failed");
    expect(failed).toMatchObject({ name: "db", failure: { code: "crash-loop", exitCode: 9 } });
    expect(failed?.error).toContain("restarted 3 times");
    await world.clock.pass(300_000);
    expect(startsOf(world, "db")).toHaveLength(4);
  });

  test("window: restarts that are older do not count against max", async () => {
    const restart = { mode: "on-failure", max: 2, window: "1m" };
    await using run = await supervise(two(restart));
    const { world } = run;
    for (let crash = 1; crash <= 6; crash += 1) {
      await world.clock.pass(31_000);
      world.engine.crash("shop.db");
      await world.until(() => of(world, "resource_ready", "db").length === crash + 1, "ready again");
    }
    expect(of(world, "resource_failed")).toEqual([]);
  });

  test.each(["always", "unless-stopped"])(
    "%s: the engine restarts, Lash watches and does not start it too",
    async (restart) => {
      await using run = await supervise(two(restart));
      const { world } = run;
      world.engine.crash("shop.db", 0);
      await world.until(() => of(world, "resource_ready", "db").length === 2, "ready again");
      expect(startsOf(world, "db")).toHaveLength(2);
      expect(callsOf(world, "start")).toBe(2);
      expect(of(world, "resource_exited")).toMatchObject([{ exit_code: 0 }]);
    },
  );

  test.each([0, 20_000])(
    "a restart that is refused, after %i ms up, backs off too and is named a loop",
    async (upMs) => {
      await using run = await supervise(two("on-failure"));
      const { world } = run;
      await world.clock.pass(upMs);
      world.engine.script("shop.db", { failStart: "no such device" });
      world.engine.crash("shop.db");
      await world.clock.pass(400_000);
      expect(startsOf(world, "db")).toHaveLength(1);
      expect(callsOf(world, "start")).toBeLessThan(30);
      expect(of(world, "failure_detected")).toMatchObject([{ name: "db", failure: { code: "crash-loop" } }]);
      expect(of(world, "failure_detected")[0]?.failure.message).toContain("no such device");
    },
  );
});

describe("health", () => {
  const checked = {
    db: container({ healthcheck: { test: ["CMD", "check"] } }),
    api: container({ depends_on: ["db"] }),
  };

  test("flips are shown, one event each, and nobody is torn down", async () => {
    await using run = await supervise(checked, { scripts: { db: { healthOutput: "disk is slow" } } });
    const { world } = run;
    for (const ready of [false, true, false, true]) {
      world.engine.setReady("shop.db", ready);
      await world.clock.pass(10);
      expect(world.handle.status("db").current.tag).toBe(ready ? "ready" : "unhealthy");
    }
    expect(of(world, "resource_unhealthy")).toMatchObject([
      { name: "db", output: "disk is slow" },
      { name: "db" },
    ]);
    expect(of(world, "resource_ready", "db")).toHaveLength(3);
    expect(startsOf(world, "api")).toHaveLength(1);
    expect(callsOf(world, "stop")).toBe(0);
  });
});

describe("what others do", () => {
  test.each(["engine-refused", "engine-unreachable", "timed-out"] as const)(
    "an engine that does not answer one look (%s) is asked again: what runs has not failed",
    async (code) => {
      await using run = await supervise({ db: container({ healthcheck: { test: ["CMD", "check"] } }) });
      const { world } = run;
      world.engine.failNext("inspect", new LashError(code, "Cannot look now"));
      world.engine.setReady("shop.db", false);
      await world.until(() => of(world, "resource_unhealthy").length === 1, "the change of health");
      expect(of(world, "resource_failed")).toEqual([]);
    },
  );

  test("a removal by somebody else is noticed within a second and named", async () => {
    await using run = await supervise(two("on-failure"));
    const { world } = run;
    const removedAt = world.clock.now();
    world.engine.externalRemove("shop.db");
    await world.until(() => of(world, "resource_failed").length > 0, "the failure");
    expect(world.clock.now() - removedAt).toBeLessThanOrEqual(1000);
    expect(of(world, "resource_failed")[0]?.error).toContain("removed by somebody else");
    expect(callsOf(world, "create")).toBe(2);
  });

  test.each(["never", "on-failure", "always", "unless-stopped"])(
    "stop() is honoured, also under %s",
    async (restart) => {
      await using run = await supervise(two(restart));
      const { world } = run;
      await bounded(world.handle.stop(["db"]), "stop");
      await world.clock.pass(120_000);
      expect(startsOf(world, "db")).toHaveLength(1);
      expect(world.handle.status("db").current.tag).toBe("stopped");
      expect(of(world, "resource_failed")).toEqual([]);
      await bounded(world.handle.start(["db"]), "start");
      expect(startsOf(world, "db")).toHaveLength(2);
      expect(world.handle.status("db").current.tag).toBe("ready");
      // Supervised again.
      world.engine.crash("shop.db", 3);
      await world.until(() => of(world, "resource_exited", "db").length === 1, "the crash");
    },
  );

  test.each(["always", "unless-stopped"])(
    "a stop by the engine's own hands is honoured under %s",
    async (restart) => {
      await using run = await supervise(two(restart));
      const { world } = run;
      await world.engine.stop("shop.db", { graceMs: 1000, signal: new AbortController().signal });
      await world.until(() => of(world, "resource_exited", "db").length === 1, "the end");
      // The engine is given 3 s of real time to restart it; it does not.
      await new Promise((resolve) => setTimeout(resolve, 3200));
      await world.until(() => of(world, "resource_stopped", "db").length === 1, "stopped");
      expect(startsOf(world, "db")).toHaveLength(1);
      expect(of(world, "resource_failed")).toEqual([]);
    },
  );

  test("restart() restarts in place and supervision goes on", async () => {
    await using run = await supervise(two("on-failure"));
    const { world } = run;
    await bounded(world.handle.restart(["db"]), "restart");
    expect(startsOf(world, "db")).toHaveLength(2);
    expect(startsOf(world, "api")).toHaveLength(1);
    expect(of(world, "resource_exited")).toEqual([]);
    world.engine.crash("shop.db");
    await world.until(() => startsOf(world, "db").length === 3, "the restart");
  });
});

describe("how supervision ends", () => {
  test("when everything ended, with the failures", async () => {
    await using run = await supervise(two("never"));
    run.world.engine.crash("shop.api", 2);
    await run.world.until(() => of(run.world, "resource_failed").length === 1, "the first failure");
    expect(run.end()).toBeUndefined();
    run.world.engine.crash("shop.db", 0);
    expect(await bounded(run.ended, "the end")).toMatchObject({
      reason: "all-ended",
      failures: [{ subject: "api", exitCode: 2 }],
    });
  });

  test("with its signal, leaving everything as it runs", async () => {
    await using run = await supervise(two("on-failure"));
    run.interrupt();
    expect(await bounded(run.ended, "the end")).toEqual({ reason: "signal" });
    expect([...(await run.world.holdings())].sort()).toEqual([
      "container shop.api running",
      "container shop.db running",
      "network lash-shop",
    ]);
  });

  test("with its signal during a back-off", async () => {
    await using run = await supervise(two("on-failure"));
    run.world.engine.crash("shop.db");
    await run.world.until(() => of(run.world, "resource_restarting").length === 1, "the back-off");
    run.interrupt();
    expect(await bounded(run.ended, "the end")).toEqual({ reason: "signal" });
    await bounded(run.world.handle.down(), "down");
    expect(await run.world.holdings()).toEqual([]);
  });

  test("a down in between leaves nothing, whatever is being restarted", async () => {
    for (let afterMs = 0; afterMs <= 120; afterMs += 10) {
      await using run = await supervise(two("on-failure"), {
        delays: { start: 5, stop: 5, remove: 5, list: 5 },
      });
      run.world.engine.crash("shop.db");
      await run.world.clock.pass(afterMs);
      await bounded(run.world.handle.down(), "down");
      await run.world.clock.pass(5000);
      expect(await run.world.holdings()).toEqual([]);
    }
  });

  test("runUntilSignal() brings up, supervises and takes down", async () => {
    await using world = openMemoryWorld(two("on-failure"));
    const controller = new AbortController();
    const running = world.handle.runUntilSignal({ signal: controller.signal });
    await world.until(() => of(world, "stack_started").length === 1, "up");
    controller.abort(new Error("enough"));
    await bounded(running, "the end");
    expect(await world.holdings()).toEqual([]);
  });
});

describe("a crash while the stack still starts", () => {
  test("is restarted when its policy says so, and the start succeeds", async () => {
    await using world = openMemoryWorld(
      {
        db: container({ restart: "on-failure" }),
        slow: container({ ready: { exec: ["check"] } }),
        api: container({ depends_on: ["db", "slow"] }),
      },
      { scripts: { db: { runs: [{ exitAfterMs: 200, exitCode: 1 }] }, slow: { readyMs: 2000 } } },
    );
    await bounded(world.handle.up(), "up");
    expect(startsOf(world, "db")).toHaveLength(2);
    expect(of(world, "stack_started")).toHaveLength(1);
  });

  test("fails the start when it loops", async () => {
    await using world = openMemoryWorld(
      {
        db: container({ restart: "on-failure" }),
        slow: container({ ready: { exec: ["check"], timeout: "10m" } }),
      },
      { scripts: { db: { exitAfterMs: 50, exitCode: 1 }, slow: { readyMs: 300_000 } } },
    );
    const error = await bounded(
      world.handle.up().then(
        () => undefined,
        (thrown: unknown) => thrown,
      ),
      "up",
    );
    expect(error).toMatchObject({
      code: "resource-failed",
      data: { failures: [{ subject: "db", code: "crash-loop" }] },
    });
    expect(await world.holdings()).toEqual([]);
  });
});
