import { describe, expect, test } from "vitest";
import { isLashError, messageOf } from "../../../src/model/errors.ts";
import type { StackEvent } from "../../../src/stack/events.ts";
import { bounded, type MemoryWorld, openMemoryWorld } from "../../faults/memory-world.ts";

function of<T extends StackEvent["type"]>(
  { events }: MemoryWorld,
  type: T,
): Extract<StackEvent, { type: T }>[] {
  return events.filter((event): event is Extract<StackEvent, { type: T }> => event.type === type);
}

function startsOf({ engine }: MemoryWorld, name: string): number {
  return engine.log.filter(
    (entry) => entry.type === "change" && entry.action === "start" && entry.target === `shop.${name}`,
  ).length;
}

async function caught(work: Promise<unknown>, what: string): Promise<unknown> {
  return bounded(
    work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
    what,
  );
}

const container = (more: object = {}): object => ({ container: { image: "work:1", ...more } });
const checked = { ready: { exec: ["check"] } };
const stack = (restart = "never"): Record<string, unknown> => ({
  db: container({ restart, ...checked }),
  api: container({ restart, depends_on: ["db"] }),
});
const delays = {
  list: 5,
  create: 5,
  start: 5,
  stop: 5,
  remove: 5,
  inspect: 1,
  exec: 5,
  "networks.create": 5,
  "networks.remove": 5,
};
const wanted = ["container shop.api running", "container shop.db running", "network lash-shop"];

describe("the engine goes away during up()", () => {
  test("while something becomes ready: the start goes on when it is back, and both are told once", async () => {
    await using world = openMemoryWorld(stack(), { scripts: { db: { readyMs: 3000 } } });
    const running = world.handle.up();
    await world.clock.pass(500);
    world.engine.disconnect();
    await world.clock.pass(1500);
    world.engine.reconnect();
    await bounded(running, "up");
    expect(of(world, "engine_lost")).toHaveLength(1);
    expect(of(world, "engine_back")).toHaveLength(1);
    expect(of(world, "engine_back")[0]?.after_ms).toBeGreaterThanOrEqual(1500);
    expect((await world.holdings()).toSorted()).toEqual(wanted);
    expect(startsOf(world, "db")).toBe(1);
  });

  test("at any moment: it ends, says why, and the next up gives exactly what is wanted", async () => {
    const codes = new Set<string>();
    for (let afterMs = 0; afterMs <= 260; afterMs += 4) {
      await using world = openMemoryWorld(stack(), {
        delays,
        scripts: { db: { readyMs: 100, startMs: 10 } },
      });
      const running = caught(world.handle.up(), `up, cut off after ${afterMs} ms`);
      await world.clock.pass(afterMs);
      world.engine.disconnect();
      await world.clock.pass(300);
      world.engine.reconnect();
      const error = await running;
      if (error !== undefined) codes.add(isLashError(error) ? error.code : messageOf(error));
      await using again = openMemoryWorld(stack(), { after: world });
      await bounded(again.handle.up(), `up again after ${afterMs} ms`);
      expect((await again.holdings()).toSorted()).toEqual(wanted);
      await bounded(again.handle.down(), "down");
      expect(await again.holdings()).toEqual([]);
    }
    expect([...codes].filter((code) => code !== "resource-failed" && code !== "engine-unreachable")).toEqual(
      [],
    );
    expect(codes.size).toBeGreaterThan(0);
  });

  test("for good: up() ends all the same and says what may be left", async () => {
    for (let afterMs = 0; afterMs <= 120; afterMs += 10) {
      await using world = openMemoryWorld(stack(), { delays });
      const running = caught(world.handle.up({ timeoutMs: 400 }), `up, cut off for good after ${afterMs} ms`);
      await world.clock.pass(afterMs);
      world.engine.disconnect();
      const error = await running;
      world.engine.reconnect();
      if (error === undefined) continue;
      const left = await world.holdings();
      const said = of(world, "notice")
        .map(({ message }) => message)
        .join();
      expect(left.some((each) => each.startsWith("container")) && !said.includes("left behind")).toBe(false);
    }
  });
});

describe("the engine goes away while the stack is supervised", () => {
  async function supervised(restart: string): Promise<{
    world: MemoryWorld;
    ended: Promise<unknown>;
    over: () => boolean;
    stop: () => Promise<void>;
  }> {
    const world = openMemoryWorld(stack(restart));
    await bounded(world.handle.up(), "up");
    const controller = new AbortController();
    let over = false;
    const ended = world.handle.supervise({ signal: controller.signal }).finally(() => {
      over = true;
    });
    await world.clock.settle();
    return {
      world,
      ended,
      over: () => over,
      stop: async () => {
        controller.abort(new Error("done"));
        await bounded(ended, "supervise after its signal");
        await world[Symbol.asyncDispose]();
      },
    };
  }

  test.each(["never", "on-failure", "always"])(
    "nothing is told as ended, and what runs is found again (%s)",
    async (restart) => {
      const { world, over, stop } = await supervised(restart);
      const told = world.events.length;
      world.engine.disconnect();
      await world.clock.pass(60_000);
      world.engine.reconnect();
      await world.until(() => of(world, "engine_back").length === 1, "back");
      await world.clock.pass(10_000);
      expect(world.events.slice(told).map(({ type }) => type)).toEqual(["engine_lost", "engine_back"]);
      expect(over()).toBe(false);
      expect([startsOf(world, "db"), startsOf(world, "api")]).toEqual([1, 1]);
      await stop();
    },
  );

  test("it is back within five seconds of the engine", async () => {
    const { world, stop } = await supervised("never");
    for (const awayMs of [10, 300, 3000, 40_000, 400_000]) {
      const before = of(world, "engine_back").length;
      world.engine.disconnect();
      await world.clock.pass(awayMs);
      world.engine.reconnect();
      const backAt = world.clock.now();
      await world.until(() => of(world, "engine_back").length === before + 1, "back");
      expect(world.clock.now() - backAt).toBeLessThanOrEqual(5010);
    }
    expect(of(world, "engine_lost")).toHaveLength(5);
    await stop();
  });

  test("a crash that nobody saw is found afterwards and handled", async () => {
    const { world, stop } = await supervised("on-failure");
    world.engine.disconnect();
    world.engine.crash("shop.db", 4);
    await world.clock.pass(2000);
    expect(of(world, "resource_exited")).toEqual([]);
    world.engine.reconnect();
    await world.until(() => startsOf(world, "db") === 2, "the restart");
    expect(of(world, "resource_exited")).toMatchObject([{ name: "db", exit_code: 4 }]);
    await stop();
  });

  test("a removal that nobody saw is found afterwards", async () => {
    const { world, stop } = await supervised("on-failure");
    world.engine.disconnect();
    world.engine.externalRemove("shop.db");
    await world.clock.pass(2000);
    world.engine.reconnect();
    await world.until(() => of(world, "resource_failed").length === 1, "the failure");
    expect(of(world, "resource_failed")[0]?.error).toContain("removed by somebody else");
    await stop();
  });

  test.each([0, 20, 60, 99, 101, 130])(
    "in the middle of a restart, %i ms after the crash: it is done once the engine is back",
    async (afterMs) => {
      const { world, stop } = await supervised("on-failure");
      world.engine.delay("start", 10);
      world.engine.delay("inspect", 3);
      world.engine.crash("shop.db", 1);
      await world.clock.pass(afterMs);
      world.engine.disconnect();
      await world.clock.pass(30_000);
      world.engine.reconnect();
      await world.clock.pass(30_000);
      expect(of(world, "resource_failed")).toEqual([]);
      expect(world.handle.status("db").current.tag).toBe("ready");
      expect(startsOf(world, "db")).toBe(2);
      await stop();
    },
  );
});

describe("the engine goes away during down()", () => {
  test("before it began: refused at once, and done when it is back", async () => {
    await using world = openMemoryWorld(stack());
    await bounded(world.handle.up(), "up");
    world.engine.disconnect();
    expect(await caught(world.handle.down(), "down")).toMatchObject({ code: "engine-unreachable" });
    world.engine.reconnect();
    await bounded(world.handle.down(), "down");
    expect(await world.holdings()).toEqual([]);
  });

  test("at any moment: it ends, names what is left, and the next one removes it", async () => {
    const codes = new Set<string>();
    for (let afterMs = 0; afterMs <= 60; afterMs += 1) {
      await using world = openMemoryWorld(stack(), { delays });
      await bounded(world.handle.up(), "up");
      const running = caught(world.handle.down(), `down, cut off after ${afterMs} ms`);
      await world.clock.pass(afterMs);
      world.engine.disconnect();
      const error = await running;
      world.engine.reconnect();
      const left = await world.holdings();
      expect(error === undefined ? left : []).toEqual([]);
      if (error !== undefined) codes.add(isLashError(error) ? error.code : messageOf(error));
      await bounded(world.handle.down(), "second down");
      expect(await world.holdings()).toEqual([]);
    }
    expect([...codes].toSorted()).toEqual(["engine-unreachable", "leftovers"]);
  });
});
