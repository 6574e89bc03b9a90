import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ContainerFacts } from "../../../src/engine/facts.ts";
import { changes } from "../../../src/stack/foreign-events.ts";
import { createMask } from "../../../src/stack/mask.ts";
import { Tenancy } from "../../../src/stack/tenancy.ts";
import { openMemoryStack } from "../../support/memory-stack.ts";

const project = "project:\n  name: shop\nresources:\n";
const resource = (name: string, more = ""): string =>
  `  ${name}:\n    container:\n      image: work:1\n${more}`;
const after = (name: string): string => `      depends_on: [${name}]\n`;
const signal = new AbortController().signal;

async function containersOf(stack: ReturnType<typeof openMemoryStack>): Promise<Record<string, string>> {
  const all = await stack.engine.list({}, { signal });
  return Object.fromEntries(all.map(({ name, state }) => [name, state]));
}

test("a container whose early creation is under way when its dependency fails is removed as well", async () => {
  await using stack = openMemoryStack(project + resource("db") + resource("api", after("db")));
  stack.engine.script("shop.db", { exitAfterMs: 0, exitCode: 1 });
  const create = stack.engine.create.bind(stack.engine);
  stack.engine.create = async (spec, options) => {
    if (spec.name === "shop.api") await sleep(300);
    return create(spec, options);
  };
  stack.engine.failNext("start");
  await expect(stack.handle.up()).rejects.toMatchObject({ code: "resource-failed" });
  await sleep(400);
  expect(await containersOf(stack)).toEqual({});
});

test("up after down on the same handle", async () => {
  await using stack = openMemoryStack(project + resource("db") + resource("api", after("db")));
  await stack.handle.up();
  await stack.handle.down();
  await stack.handle.up();
  expect(await containersOf(stack)).toEqual({ "shop.db": "running", "shop.api": "running" });
});

test("start of what was stopped, dependents after what they need", async () => {
  await using stack = openMemoryStack(project + resource("db") + resource("api", after("db")));
  await stack.handle.up();
  await stack.handle.stop([]);
  await stack.handle.start([]);
  expect(await containersOf(stack)).toEqual({ "shop.db": "running", "shop.api": "running" });
});

test("a recreation whose rename is refused leaves the former container running", async () => {
  await using stack = openMemoryStack(project + resource("db"));
  await stack.handle.up();
  stack.engine.failNext("rename");
  await expect(stack.handle.up({ forceRecreate: true })).rejects.toMatchObject({ code: "resource-failed" });
  expect(await containersOf(stack)).toEqual({ "shop.db": "running" });
});

test("what a killed `up` left as `.previous` does not stand in the way of another recreation", async () => {
  await using stack = openMemoryStack(project + resource("db"));
  await stack.handle.up();
  const [current] = await stack.engine.list({}, { signal });
  await stack.engine.create(
    { name: "shop.db.previous", image: "work:1", env: {}, labels: { ...current?.labels } },
    { signal },
  );
  await stack.handle.up({ forceRecreate: true });
  expect(await containersOf(stack)).toEqual({ "shop.db": "running" });
});

test("a failed `start` leaves the others supervised", async () => {
  await using stack = openMemoryStack(
    project + resource("db", "      restart: on-failure\n") + resource("api"),
  );
  await stack.handle.up();
  const end = new AbortController();
  const supervised = stack.handle.supervise({ signal: end.signal });
  await stack.handle.stop(["api"]);
  stack.engine.failNext("start");
  await expect(stack.handle.start(["api"])).rejects.toMatchObject({ code: "resource-failed" });
  stack.engine.crash("shop.db");
  await expect.poll(() => stack.told()).toContain("resource_restarting db");
  end.abort(new Error("end"));
  await supervised;
});

test("a failed `restart` leaves its others supervised", async () => {
  await using stack = openMemoryStack(
    project + resource("db", "      restart: on-failure\n") + resource("api"),
  );
  await stack.handle.up();
  const end = new AbortController();
  const supervised = stack.handle.supervise({ signal: end.signal });
  const start = stack.engine.start.bind(stack.engine);
  stack.engine.start = async (id, options) => {
    const facts = await stack.engine.inspect(id, options);
    if (facts?.name === "shop.api") throw new Error("no");
    return start(id, options);
  };
  await expect(stack.handle.restart(["db", "api"])).rejects.toThrow("no");
  await expect.poll(async () => (await containersOf(stack))["shop.db"]).toBe("running");
  stack.engine.crash("shop.db");
  await expect.poll(() => stack.told()).toContain("resource_restarting db");
  end.abort(new Error("end"));
  await supervised;
});

test("supervision of chosen resources ends with them", async () => {
  await using stack = openMemoryStack(project + resource("db") + resource("api"));
  await stack.handle.up({ resources: ["db"] });
  const supervised = stack.handle.supervise({ signal: AbortSignal.timeout(2000) });
  stack.engine.crash("shop.db");
  expect(await supervised).toMatchObject({ reason: "all-ended", failures: [{ subject: "db" }] });
});

test("a resource that an `up` is starting is not changed meanwhile", async () => {
  await using stack = openMemoryStack(project + resource("db"));
  stack.engine.delay("create", 100);
  const up = stack.handle.up();
  await sleep(20);
  await expect(stack.handle.start(["db"])).rejects.toMatchObject({ code: "resource-busy" });
  await up;
  expect(await containersOf(stack)).toEqual({ "shop.db": "running" });
});

test("a roll-back leaves the one-off of somebody else alone", async () => {
  await using stack = openMemoryStack(project + resource("db"));
  stack.engine.delay("start", 100);
  stack.engine.failNext("start");
  const up = stack.handle.up().catch((error: unknown) => error);
  await sleep(20);
  await stack.engine.create(
    {
      name: "shop.db.run-1",
      image: "work:1",
      env: {},
      labels: { "lash.project": "shop", "lash.resource": "db", "lash.one-off": "true" },
    },
    { signal },
  );
  expect(await up).toMatchObject({ code: "resource-failed" });
  expect(Object.keys(await containersOf(stack))).toEqual(["shop.db.run-1"]);
});

test("two pieces of work of one process share the stack", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lash-review-"));
  const holder = { pid: process.pid, role: "up", manifest: "lash.yml", since: "" };
  const place = { directory, key: directory.slice(-12), holder };
  const tenancy = new Tenancy({ tenure: async () => place }, async () => null);
  const request = { command: "stop", arguments: {} } as const;
  const work = async (): Promise<string> => {
    await sleep(50);
    return "here";
  };
  const here = async (): Promise<string> => tenancy.here(request, signal, () => {}, work);
  const works: Promise<string>[] = [];
  for (let turn = 0; turn < 40; turn += 1) {
    works.push(here());
    for (let wait = 0; wait < turn % 5; wait += 1) await setImmediate();
  }
  expect(new Set(await Promise.all(works))).toEqual(new Set(["here"]));
  expect(tenancy.mine).toBeUndefined();
  // Another process could have it now.
  expect(
    await new Tenancy({ tenure: async () => place }, async () => null).here(request, signal, () => {}, work),
  ).toBe("here");
  await rm(directory, { recursive: true });
});

test("who was refused a stack does not keep it after a later piece of work", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lash-review-"));
  const holder = { pid: process.pid, role: "up", manifest: "lash.yml", since: "" };
  const place = { directory, key: directory.slice(-12), holder };
  const first = new Tenancy({ tenure: async () => place }, async () => ({ holder: { ...holder } }));
  const second = new Tenancy({ tenure: async () => place }, async () => null);
  await first.hold(signal);
  await expect(second.hold(signal)).rejects.toMatchObject({ code: "stack-held" });
  await first.letGo();
  const request = { command: "stop", arguments: {} } as const;
  await second.here(
    request,
    signal,
    () => {},
    async () => "done",
  );
  expect(second.mine).toBeUndefined();
  await rm(directory, { recursive: true });
});

test("health output in the events of a stack that nobody holds is masked", () => {
  const facts = {
    id: "1",
    state: "running",
    health: "unhealthy",
    healthOutput: "cannot log in with hunter22",
    startedAt: "x",
  } as unknown as ContainerFacts;
  const now = new Map([["1", { resource: "db", facts }]]);
  const mask = createMask(["hunter22"]);
  expect(
    changes(new Map(now).set("1", { resource: "db", facts: { ...facts, health: "healthy" } }), now, mask),
  ).toEqual([{ type: "resource_unhealthy", name: "db", output: "cannot log in with ***" }]);
});

test("a restart that could not start it again does not stop it", async () => {
  const web = (image: string): string =>
    `  db:\n    container:\n      image: work:1\n      ports: ["0:80"]\n  api:\n    container:\n      image: ${image}\n      env: { AT: "\${resources.db.host_port}" }\n`;
  await using first = openMemoryStack(project + web("work:1"));
  await first.handle.up();
  first.engine.externalRemove("shop.db");
  await using second = openMemoryStack(project + web("work:1"), { engine: first.engine });
  await expect(second.handle.restart(["api"])).rejects.toMatchObject({ code: "resource-failed" });
  expect(await containersOf(second)).toEqual({ "shop.api": "running" });
});

test("an orphan that could not be removed is told", async () => {
  await using first = openMemoryStack(project + resource("db") + resource("old"));
  await first.handle.up();
  await using second = openMemoryStack(project + resource("db"), { engine: first.engine });
  first.engine.failNext("remove", 6);
  await second.handle.up({ removeOrphans: true });
  expect(second.events).toContainEqual(
    expect.objectContaining({ type: "notice", message: expect.stringContaining("shop.old") as string }),
  );
});

test("a `down` ends a `start` that is under way and leaves nothing of it", async () => {
  await using stack = openMemoryStack(project + resource("db"));
  stack.engine.delay("create", 1500);
  const start = stack.handle.start(["db"]).catch((error: unknown) => error);
  await sleep(50);
  await stack.handle.down();
  await start;
  expect(await containersOf(stack)).toEqual({});
});
