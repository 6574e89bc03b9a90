import { describe, expect, test } from "vitest";
import { createMemoryEngine } from "../../../src/drivers/memory/memory-engine.ts";
import { isLashError } from "../../../src/model/errors.ts";
import { happened, openMemoryStack } from "../../support/memory-stack.ts";

const two = `
project: { name: shop }
resources:
  db: { container: { image: db:1, ready: { exec: [check] } } }
  api: { container: { image: api:1, depends_on: [db] } }
`;

async function caught(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const portTaken = `driver failed programming external connectivity on endpoint shop.api (${"a".repeat(64)}): Bind for 127.0.0.1:80 failed: port is already allocated`;

describe("up()", () => {
  test("starts a dependency first and tells what happens, in order", async () => {
    await using stack = openMemoryStack(two, { scripts: { "shop.db": { readyMs: 80 } } });
    const result = await stack.handle.up();
    expect(result.ready).toEqual(["db", "api"]);
    expect(happened(stack.engine, "start")).toEqual(["shop.db", "shop.api"]);
    expect(stack.told()).toEqual([
      "resource_waiting api",
      "resource_starting db",
      "resource_started db",
      "resource_ready db",
      "resource_starting api",
      "resource_started api",
      "resource_ready api",
      "stack_started",
    ]);
    expect(stack.events.map(({ seq }) => seq)).toEqual(stack.events.map((_, index) => index + 1));
  });

  test("does not call a container ready because it runs", async () => {
    await using stack = openMemoryStack(two, { scripts: { "shop.db": { readyMs: Infinity } } });
    const running = stack.handle.up({ timeoutMs: 300 });
    const error = await caught(running);
    expect(isLashError(error, "timed-out")).toBe(true);
    expect(happened(stack.engine, "start")).toEqual(["shop.db"]);
    expect([...happened(stack.engine, "destroy")].sort()).toEqual(["shop.api", "shop.db"]);
    expect(await stack.engine.list({}, { signal: AbortSignal.timeout(1000) })).toEqual([]);
  });

  test("fails the dependents of a dependency that ends before it is ready, and rolls back", async () => {
    await using stack = openMemoryStack(two, {
      scripts: { "shop.db": { readyMs: Infinity, exitAfterMs: 50, exitCode: 3, output: ["no disk"] } },
    });
    const error = await caught(stack.handle.up());
    expect(isLashError(error, "resource-failed")).toBe(true);
    expect(String(error)).toContain('"db"');
    const failed = stack.events.filter(({ type }) => type === "resource_failed");
    expect(failed.map((event) => "failure" in event && event.failure.code)).toContain("crashed");
    expect(failed[0]).toMatchObject({ name: "db", failure: { exitCode: 3, logTail: ["no disk"] } });
    expect(await stack.engine.list({}, { signal: AbortSignal.timeout(1000) })).toEqual([]);
    expect(stack.told().slice(-2)).toEqual(["resource_stopped db", "stack_stopped"]);
  });

  test("fails when a dependency ends after it was ready, while others still start", async () => {
    await using stack = openMemoryStack(
      `
project: { name: shop }
resources:
  db: { container: { image: db:1 } }
  slow: { container: { image: slow:1, ready: { exec: [check] } } }
  api: { container: { image: api:1, depends_on: [slow, db] } }
`,
      { scripts: { "shop.slow": { readyMs: Infinity }, "shop.db": { exitAfterMs: 100, exitCode: 1 } } },
    );
    const startedAt = performance.now();
    const error = await caught(stack.handle.up());
    expect(isLashError(error, "resource-failed")).toBe(true);
    expect(String(error)).toContain('"db"');
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(await stack.engine.list({}, { signal: AbortSignal.timeout(1000) })).toEqual([]);
  });

  test("removes what it made when it is cancelled, at once", async () => {
    await using stack = openMemoryStack(two, { scripts: { "shop.db": { readyMs: Infinity } } });
    const controller = new AbortController();
    const running = stack.handle.up({ signal: controller.signal });
    stack.handle.onEvent(({ type }) => {
      if (type === "resource_started") controller.abort(new Error("enough"));
    });
    expect(String(await caught(running))).toContain("enough");
    expect(await stack.engine.list({}, { signal: AbortSignal.timeout(1000) })).toEqual([]);
    expect(await stack.engine.networks.list({}, { signal: AbortSignal.timeout(1000) })).toEqual([]);
  });

  test("removes a container whose start was refused and shows the engine's words", async () => {
    await using stack = openMemoryStack(two, {
      scripts: {
        "shop.api": { failStart: portTaken },
      },
    });
    const error = await caught(stack.handle.up());
    expect(isLashError(error) && error.data["failures"]).toMatchObject([
      { code: "port-in-use", subject: "api" },
    ]);
    expect(await stack.engine.list({}, { signal: AbortSignal.timeout(1000) })).toEqual([]);
  });

  test("keeps what runs as wanted, and recreates what changed", async () => {
    await using first = openMemoryStack(two);
    await first.handle.up();
    await using again = openMemoryStack(two, { engine: first.engine });
    expect((await again.handle.up()).adopted).toEqual(["db", "api"]);
    expect(happened(first.engine, "start")).toHaveLength(2);
    await using changed = openMemoryStack(two.replace("api:1", "api:2"), { engine: first.engine });
    await changed.handle.up();
    expect(happened(first.engine, "start")).toEqual(["shop.db", "shop.api", "shop.api"]);
    const left = await first.engine.list({}, { signal: AbortSignal.timeout(1000) });
    expect(left.map(({ name, image }) => `${name} ${image}`).sort()).toEqual([
      "shop.api api:2",
      "shop.db db:1",
    ]);
  });

  test("starts the former container again when its successor fails", async () => {
    await using first = openMemoryStack(two);
    await first.handle.up();
    const [before] = (await first.engine.list({}, { signal: AbortSignal.timeout(1000) })).filter(
      ({ name }) => name === "shop.api",
    );
    first.engine.script("api:2", { failStart: "exec format error" });
    await using changed = openMemoryStack(two.replace("api:1", "api:2"), { engine: first.engine });
    expect(isLashError(await caught(changed.handle.up()), "resource-failed")).toBe(true);
    const now = await first.engine.inspect("shop.api", { signal: AbortSignal.timeout(1000) });
    expect(now).toMatchObject({ id: before?.id, state: "running" });
    const left = await first.engine.list({}, { signal: AbortSignal.timeout(1000) });
    expect(left.map(({ name }) => name).sort()).toEqual(["shop.api", "shop.db"]);
  });

  test("never touches a stranger's container that has our name", async () => {
    const engine = createMemoryEngine();
    const signal = AbortSignal.timeout(5000);
    const { id } = await engine.create(
      { name: "shop.api", labels: {}, image: "theirs:1", env: {} },
      { signal },
    );
    await engine.start(id, { signal });
    await using stack = openMemoryStack(two, { engine });
    const error = await caught(stack.handle.up());
    expect(isLashError(error) && error.data["failures"]).toMatchObject([
      { code: "name-in-use", subject: "api" },
    ]);
    expect(await engine.inspect(id, { signal })).toMatchObject({ state: "running" });
    expect((await engine.list({}, { signal })).map(({ name }) => name)).toEqual(["shop.api"]);
    await engine[Symbol.asyncDispose]();
  });

  test("refuses the same project started from another manifest, unless told to adopt it", async () => {
    await using first = openMemoryStack(two);
    await first.handle.up();
    await using other = openMemoryStack(two, { engine: first.engine, file: "/elsewhere/lash.yml" });
    expect(isLashError(await caught(other.handle.up()), "stack-elsewhere")).toBe(true);
    await other.handle.up({ adopt: true });
  });

  test("a task is run once, and again only when it failed or changed", async () => {
    const text = `
project: { name: shop }
resources:
  migrate: { task: { image: migrate:1 } }
  api: { container: { image: api:1, depends_on: [migrate] } }
`;
    await using first = openMemoryStack(text, {
      scripts: { "shop.migrate": { exitCode: 0, exitAfterMs: 20 } },
    });
    await first.handle.up();
    expect(happened(first.engine, "start")).toEqual(["shop.migrate", "shop.api"]);
    await using again = openMemoryStack(text, { engine: first.engine });
    await again.handle.up();
    expect(happened(first.engine, "start")).toHaveLength(2);
  });
});

describe("down()", () => {
  test("stops in reverse order, removes all of ours and keeps volumes until asked", async () => {
    await using stack = openMemoryStack(`
project: { name: shop }
resources:
  db: { postgres: {} }
  api: { container: { image: api:1, depends_on: [db] } }
`);
    await stack.handle.up();
    const signal = AbortSignal.timeout(5000);
    const result = await stack.handle.down();
    expect(happened(stack.engine, "destroy")).toEqual(["shop.api", "shop.db"]);
    expect({ ...result, removed: [...result.removed].sort() }).toEqual({
      removed: ["shop.api", "shop.db"],
      networks: ["lash-shop"],
      volumes: [],
      kept: ["shop_db"],
    });
    expect(await stack.engine.networks.list({}, { signal })).toEqual([]);
    expect((await stack.engine.volumes.list({}, { signal })).map(({ name }) => name)).toEqual(["shop_db"]);
    await using again = openMemoryStack(`project: { name: shop }\nresources: {}`, { engine: stack.engine });
    expect((await again.handle.down({ volumes: true })).volumes).toEqual(["shop_db"]);
  });
});

test("a resource of a profile that is not active is no orphan", async () => {
  const text = `
project: { name: shop }
resources:
  db: { container: { image: db:1 } }
  debug: { container: { image: debug:1, profiles: [debug] } }
`;
  await using first = openMemoryStack(text);
  await first.handle.up();
  await using again = openMemoryStack(text, { engine: first.engine, without: ["debug"] });
  await again.handle.up({ removeOrphans: true });
  const views = await again.handle.list();
  expect(views.map(({ name, orphan }) => [name, orphan])).toEqual([
    ["db", false],
    ["debug", false],
  ]);
});
