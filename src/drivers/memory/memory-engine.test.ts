import { expect, test } from "vitest";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { isLashError } from "../../model/errors.ts";
import { createMemoryEngine } from "./memory-engine.ts";

const signal = new AbortController().signal;

function spec(name: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  return { name, labels: {}, image: "busybox:1", env: {}, ...more };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return isLashError(error) ? error.code : String(error);
  }
  return "none";
}

test("the journal gives the order of calls and changes", async () => {
  await using engine = createMemoryEngine();
  await engine.create(spec("db"), { signal });
  await engine.start("db", { signal });
  await engine.stop("db", { signal, graceMs: 100 });
  await engine.remove("db", { signal });
  const told = engine.log.map((entry) =>
    entry.type === "change" ? `${entry.target} ${entry.action}` : `${entry.type} ${entry.method}`,
  );
  expect(told).toEqual([
    "call create",
    "db create",
    "return create",
    "call start",
    "db start",
    "return start",
    "call stop",
    "db kill",
    "db die",
    "db stop",
    "return stop",
    "call remove",
    "db destroy",
    "return remove",
  ]);
  expect(engine.log.map((entry) => entry.sequence)).toEqual([...engine.log.keys()]);
});

test("a port that another container holds is refused in the engine's words", async () => {
  await using engine = createMemoryEngine();
  const ports = [{ hostIp: "127.0.0.1", hostPort: 8080, containerPort: 80, protocol: "tcp" }] as const;
  await engine.create(spec("a", { ports }), { signal });
  await engine.create(spec("b", { ports }), { signal });
  await engine.start("a", { signal });
  await expect(engine.start("b", { signal })).rejects.toThrow(
    "Bind for 127.0.0.1:8080 failed: port is already allocated",
  );
  const facts = await engine.inspect("b", { signal });
  expect(facts).toMatchObject({
    state: "created",
    error: "Bind for 127.0.0.1:8080 failed: port is already allocated",
  });
});

test("failNext() fails as often as ordered, with the error given", async () => {
  await using engine = createMemoryEngine();
  engine.failNext("create", 2);
  engine.failNext("info", new TypeError("mine"));
  expect(await codeOf(engine.create(spec("a"), { signal }))).toBe("engine-refused");
  expect(await codeOf(engine.create(spec("a"), { signal }))).toBe("engine-refused");
  expect(await codeOf(engine.create(spec("a"), { signal }))).toBe("none");
  await expect(engine.info({ signal })).rejects.toThrow(TypeError);
});

test("disconnect() rejects what waits and what comes; containers live on", async () => {
  await using engine = createMemoryEngine();
  await engine.create(spec("a"), { signal });
  await engine.start("a", { signal });
  const waiting = codeOf(engine.wait("a", { signal }));
  const events = codeOf(
    (async () => {
      for await (const event of engine.events({}, { signal, onOpen: () => engine.disconnect() })) void event;
    })(),
  );
  expect(await waiting).toBe("engine-unreachable");
  expect(await events).toBe("engine-unreachable");
  expect(await codeOf(engine.info({ signal }))).toBe("engine-unreachable");
  engine.reconnect();
  expect((await engine.inspect("a", { signal }))?.state).toBe("running");
});

test("the restart policy counts, and a stop in its pause is a stop without die", async () => {
  await using engine = createMemoryEngine({ scripts: { a: { exitCode: 3 } } });
  await engine.create(spec("a", { restart: { name: "always" } }), { signal });
  await engine.start("a", { signal });
  expect(await engine.inspect("a", { signal })).toMatchObject({
    state: "restarting",
    restartCount: 1,
    exitCode: 3,
  });
  const before = engine.log.length;
  await engine.stop("a", { signal, graceMs: 0 });
  const after = engine.log.slice(before).filter((entry) => entry.type === "change");
  expect(after.map((entry) => entry.action)).toEqual(["stop"]);
  expect((await engine.inspect("a", { signal }))?.state).toBe("exited");
});

test("health and readiness follow the script", async () => {
  const healthcheck = { test: ["CMD", "true"], intervalMs: 5, timeoutMs: 5, retries: 2, startPeriodMs: 0 };
  await using engine = createMemoryEngine({ scripts: { a: { readyMs: 30 } } });
  await engine.create(spec("a", { healthcheck }), { signal });
  await engine.start("a", { signal });
  expect((await engine.inspect("a", { signal }))?.health).toBe("starting");
  expect(engine.isReady("a")).toBe(false);
  const seen: string[] = [];
  for await (const event of engine.events({}, { signal })) {
    seen.push(event.action);
    if (event.action === "health_status: healthy") break;
  }
  expect(seen).toEqual(["health_status: unhealthy", "health_status: healthy"]);
  expect(engine.isReady("a")).toBe(true);
});

test("thousands of containers take a moment", async () => {
  await using engine = createMemoryEngine();
  const ports = [{ hostIp: "", hostPort: 0, containerPort: 80, protocol: "tcp" }] as const;
  const names = Array.from({ length: 5_000 }, (_, index) => `c${index}`);
  const begun = performance.now();
  await Promise.all(
    names.map(async (name) => {
      await engine.create(spec(name, { ports }), { signal });
      await engine.start(name, { signal });
    }),
  );
  expect(await engine.list({}, { signal })).toHaveLength(5_000);
  await Promise.all(names.map((name) => engine.remove(name, { signal })));
  expect(performance.now() - begun).toBeLessThan(5_000);
});
