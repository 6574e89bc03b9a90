import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { StepClock, settle } from "../connectivity/connectivity.test.support.ts";
import { startMonitor } from "../connectivity/monitor.ts";
import { createMemoryEngine, type MemoryEngine } from "../drivers/memory/memory-engine.ts";
import { LashError } from "../model/errors.ts";
import type { CleanupRecord } from "./cleanup.ts";
import { type Containers, openContainers } from "./containers.ts";

const { signal } = new AbortController();
const second = 1000;

interface World extends AsyncDisposable {
  readonly clock: StepClock;
  readonly engine: MemoryEngine;
  readonly containers: Containers;
  readonly cleaned: CleanupRecord[];
  readonly faults: unknown[];
}

async function open(
  options: {
    readonly engine?: MemoryEngine;
    readonly clock?: StepClock;
    readonly lastUsedFile?: string;
  } = {},
): Promise<World> {
  const clock = options.clock ?? new StepClock();
  const engine = options.engine ?? createMemoryEngine({ clock });
  const cleaned: CleanupRecord[] = [];
  const faults: unknown[] = [];
  const monitor = startMonitor({
    target: { dependency: "engine", baseUrl: "memory:", optional: true },
    probe: async (given) => {
      await engine.info(given);
    },
    retry: { baseDelayMs: 500, maxDelayMs: 30_000, jitterMs: 0, maxRetries: 0 },
    probeIntervalMs: 30_000,
    clock,
    random: () => 0,
    onRecord: () => {},
    onFault: (error) => faults.push(error),
  });
  const containers = await openContainers({
    engine: () => engine,
    monitor,
    server: "test",
    callTimeoutMs: 5000,
    clock,
    lastUsedFile: options.lastUsedFile,
    onCleanup: (record) => cleaned.push(record),
    onFault: (error) => faults.push(error),
  });
  await clock.pass(1);
  return {
    clock,
    engine,
    containers,
    cleaned,
    faults,
    async [Symbol.asyncDispose]() {
      await containers[Symbol.asyncDispose]();
      await monitor[Symbol.asyncDispose]();
    },
  };
}

async function names(engine: MemoryEngine): Promise<string[]> {
  return (await engine.list({}, { signal })).map(({ name }) => name).toSorted();
}

test("what nobody used for its time is removed, and nothing else", async () => {
  await using world = await open();
  const { containers, engine, clock, cleaned } = world;
  await containers.create({ image: "work:1", name: "short", ttlSeconds: 60 }, { signal });
  await containers.create({ image: "work:1", name: "long", ttlSeconds: 600 }, { signal });
  await containers.create({ image: "work:1", name: "forever", ttlSeconds: 0 }, { signal });
  await engine.create(
    { name: "theirs", image: "work:1", env: {}, labels: { "lash.ttl-seconds": "1" } },
    { signal },
  );
  await clock.pass(59 * second);
  expect(await names(engine)).toEqual(["forever", "long", "short", "theirs"]);
  await clock.pass(2 * second);
  expect(await names(engine)).toEqual(["forever", "long", "theirs"]);
  expect(cleaned).toMatchObject([{ name: "short", outcome: "removed", attempts: 1 }]);
  await clock.pass(100_000 * second);
  expect(await names(engine)).toEqual(["forever", "theirs"]);
});

test("use puts the end off: a start, a command, and as long as something is open", async () => {
  await using world = await open();
  const { containers, engine, clock } = world;
  await containers.create({ image: "work:1", name: "one", ttlSeconds: 60 }, { signal });
  await clock.pass(50 * second);
  await containers.start("one", { signal });
  await clock.pass(50 * second);
  await containers.exec("one", { command: ["x"], timeoutMs: 0 }, { signal });
  await clock.pass(50 * second);
  const reader = new AbortController();
  const lines = await containers.logs("one", { signal: reader.signal, follow: true });
  const iterator = lines[Symbol.asyncIterator]();
  const next = iterator.next().catch(() => undefined);
  await settle();
  await clock.pass(500 * second);
  expect(await names(engine)).toEqual(["one"]);
  reader.abort(new Error("enough"));
  await next;
  await clock.pass(59 * second);
  expect(await names(engine)).toEqual(["one"]);
  await clock.pass(2 * second);
  expect(await names(engine)).toEqual([]);
});

test("an outage pauses it, and burns no attempt", async () => {
  await using world = await open();
  const { containers, engine, clock, cleaned } = world;
  await containers.create({ image: "work:1", name: "one", ttlSeconds: 60 }, { signal });
  await clock.pass(40 * second);
  engine.disconnect();
  await clock.pass(3600 * second);
  expect(cleaned).toEqual([]);
  expect(containers.known()).toMatchObject([{ name: "one", terminating: false }]);
  engine.reconnect();
  await clock.pass(60 * second);
  expect(cleaned).toMatchObject([{ name: "one", outcome: "removed", attempts: 1 }]);
});

test("an engine that goes away in the middle is no refusal", async () => {
  await using world = await open();
  const { containers, engine, clock, cleaned } = world;
  await containers.create({ image: "work:1", name: "one", ttlSeconds: 60 }, { signal });
  engine.failNext("remove", new LashError("engine-unreachable", "Cannot remove: cut"));
  await clock.pass(62 * second);
  expect(cleaned.map(({ outcome, attempts }) => [outcome, attempts])).toEqual([
    ["interrupted", 0],
    ["removed", 1],
  ]);
});

test("a refusal is tried again later and later", async () => {
  await using world = await open();
  const { containers, engine, clock, cleaned } = world;
  await containers.create({ image: "work:1", name: "one", ttlSeconds: 60 }, { signal });
  engine.failNext("remove", 3);
  await clock.pass(61 * second);
  expect(cleaned).toHaveLength(1);
  await clock.pass(2 * second);
  expect(cleaned).toHaveLength(2);
  await clock.pass(2 * second);
  expect(cleaned).toHaveLength(2);
  await clock.pass(2 * second);
  expect(cleaned).toHaveLength(3);
  await clock.pass(8 * second);
  expect(cleaned.map(({ outcome, attempts }) => [outcome, attempts])).toEqual([
    ["refused", 1],
    ["refused", 2],
    ["refused", 3],
    ["removed", 4],
  ]);
});

test("after a recovery everything is listed first, and nothing is removed for a moment", async () => {
  await using world = await open();
  const { containers, engine, clock, cleaned } = world;
  await containers.create({ image: "work:1", name: "one", ttlSeconds: 60 }, { signal });
  engine.disconnect();
  await clock.pass(120 * second);
  engine.externalRemove("one");
  engine.reconnect();
  await clock.pass(60 * second);
  expect(containers.known()).toEqual([]);
  expect(cleaned).toEqual([]);
});

test("what happens on the engine is known without asking", async () => {
  await using world = await open();
  const { containers, engine, clock } = world;
  await containers.create({ image: "work:1", name: "one" }, { signal });
  engine.crash("one", 3);
  await clock.pass(1);
  expect(containers.known()).toMatchObject([{ name: "one", state: "exited", exitCode: 3 }]);
  engine.externalRemove("one");
  await clock.pass(1);
  expect(containers.known()).toEqual([]);
});

test("a list that began before a removal does not bring it back, and many lists are one", async () => {
  await using world = await open();
  const { containers, engine, clock } = world;
  await containers.create({ image: "work:1", name: "one" }, { signal });
  const lists = (): number =>
    engine.log.filter((entry) => entry.type === "call" && entry.method === "list").length;
  const before = lists();
  const list = engine.list.bind(engine);
  const go = Promise.withResolvers<void>();
  engine.list = async (filter, options) => {
    const found = await list(filter, options);
    await go.promise;
    return found;
  };
  const first = containers.list({ signal });
  await settle();
  const others = Array.from({ length: 50 }, async () => await containers.list({ signal }));
  await containers.remove("one", { signal });
  go.resolve();
  expect(await first).toEqual([]);
  expect(await Promise.all(others)).toEqual(others.map(() => []));
  await clock.pass(1);
  expect(containers.known()).toEqual([]);
  expect(lists() - before).toBe(2);
});

test("a list that hangs when the engine goes away does not hold up the one after", async () => {
  await using world = await open();
  const { containers, engine, clock } = world;
  await containers.create({ image: "work:1", name: "one" }, { signal });
  const list = engine.list.bind(engine);
  engine.list = async (_filter, options) =>
    await new Promise((_, reject) => {
      options.signal.addEventListener("abort", () => reject(options.signal.reason as Error), { once: true });
    });
  const hung = containers.list({ signal });
  hung.catch(() => {});
  await settle();
  engine.list = list;
  engine.failNext("info", new LashError("timed-out", "Cannot probe: no answer"));
  await clock.pass(31 * second);
  await expect(hung).rejects.toMatchObject({ code: "engine-unreachable" });
  expect(await containers.list({ signal })).toMatchObject([{ name: "one" }]);
});

test("a container that is being removed cannot be used", async () => {
  await using world = await open();
  const { containers, engine, clock } = world;
  await containers.create({ image: "work:1", name: "one", ttlSeconds: 60 }, { signal });
  engine.delay("remove", 3000);
  await clock.pass(61 * second);
  expect(containers.known()).toMatchObject([{ terminating: true }]);
  const refused = { code: "engine-conflict", message: expect.stringContaining("being removed") as unknown };
  await expect(containers.exec("one", { command: ["x"], timeoutMs: 0 }, { signal })).rejects.toMatchObject(
    refused,
  );
  await expect(containers.start("one", { signal })).rejects.toMatchObject(refused);
  await clock.pass(5 * second);
});

test("when containers were last used outlives the server; a file that is broken or gone counts as none", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lash-used-"));
  const lastUsedFile = join(folder, "last-used.json");
  const clock = new StepClock();
  await using engine = createMemoryEngine({ clock });
  const usedAt = async (): Promise<number | undefined> => {
    await using world = await open({ engine, clock, lastUsedFile });
    expect(world.faults).toEqual([]);
    return world.containers.known()[0]?.lastUsedAtMs;
  };
  {
    await using world = await open({ engine, clock, lastUsedFile });
    await world.containers.create({ image: "work:1", name: "one" }, { signal });
  }
  const begun = await usedAt();
  await clock.pass(3600 * second);
  expect(await usedAt()).toBe(begun);
  expect(Object.values(JSON.parse(await readFile(lastUsedFile, "utf8")) as object)).toEqual([begun]);
  for (const broken of ["", "{", "[]", '{"x":"y"}', "null"]) {
    await writeFile(lastUsedFile, broken);
    expect(await usedAt()).toBeGreaterThan(begun ?? 0);
  }
  await rm(folder, { recursive: true });
});

test("output larger than what is kept: the last of it, whole characters, and that it was cut", async () => {
  await using world = await open();
  const { containers, engine } = world;
  engine.script("big:1", {
    exec(call) {
      for (let n = 0; n < 40; n += 1) call.write("ü".repeat(20_000));
      call.write("end");
      return 0;
    },
  });
  await containers.create({ image: "big:1", name: "one" }, { signal });
  const { stdout, truncated } = await containers.exec("one", { command: ["x"], timeoutMs: 0 }, { signal });
  expect(truncated).toBe(true);
  expect(stdout.endsWith("üend")).toBe(true);
  expect(stdout).not.toContain("�");
  expect(Buffer.byteLength(stdout)).toBeLessThanOrEqual(1024 * 1024);
  expect(Buffer.byteLength(stdout)).toBeGreaterThan(1024 * 1024 - 4);
});

test("a client that leaves ends its command", async () => {
  await using world = await open();
  const { containers, engine } = world;
  let ended = false;
  engine.script("slow:1", {
    exec: async (call) => {
      if (call.command[0] === "sh") return 0;
      await new Promise<void>((resolve) =>
        call.signal.addEventListener("abort", () => resolve(), { once: true }),
      );
      ended = true;
      return 137;
    },
  });
  await containers.create({ image: "slow:1", name: "one" }, { signal });
  const client = new AbortController();
  const ran = containers.exec("one", { command: ["x"], timeoutMs: 0 }, { signal: client.signal });
  await settle();
  client.abort(new LashError("cancelled", "Cannot go on: the client left"));
  await expect(ran).rejects.toMatchObject({ code: "cancelled" });
  await settle();
  expect(ended).toBe(true);
  expect(containers.known()).toMatchObject([{ uses: 0 }]);
});

test("a container of a newer Lash is none of ours", async () => {
  await using world = await open();
  const { containers, engine, clock } = world;
  const labels = { "lash.server": "test", "lash.schema": "999", "lash.ttl-seconds": "1" };
  await engine.create({ name: "newer", image: "work:1", env: {}, labels }, { signal });
  await clock.pass(3600 * second);
  await expect(containers.get("newer", { signal })).rejects.toMatchObject({ code: "engine-not-found" });
  expect(await names(engine)).toEqual(["newer"]);
});
