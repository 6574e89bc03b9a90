import { expect, test } from "vitest";
import { createMemoryEngine, type MemoryEngine } from "../../../src/drivers/memory/memory-engine.ts";
import { LashError } from "../../../src/model/errors.ts";
import { openMemoryStack } from "../../support/memory-stack.ts";
import { freePort, takePort, withTakenPorts } from "../../support/taken-ports.ts";

interface Ports {
  readonly web: number;
  readonly db: number;
}

function manifest(first: Ports, second: Ports): string {
  return `
project: { name: shop }
ports:
  default: { web: ${first.web}, db: ${first.db} }
  alternate: { web: ${second.web}, db: ${second.db} }
resources:
  db: { container: { image: "db:1", ports: ["\${ports.db}:5432"] } }
  web: { container: { image: "web:1", ports: ["\${ports.web}:80"], depends_on: [db] } }
`;
}

/** The first bundle's web port is taken on this machine, as it is for the engine. */
async function conflict() {
  const held = await takePort();
  const first = { web: held.number, db: await freePort() };
  const second = { web: await freePort(), db: await freePort() };
  return { held, first, second, text: manifest(first, second), taken: new Set([held.number]) };
}

async function containers(engine: MemoryEngine): Promise<readonly string[]> {
  const found = await engine.list({}, { signal: AbortSignal.timeout(1000) });
  return found.map(({ id, name, state, labels }) => `${name} ${state} ${labels["lash.bundle"]} ${id}`).sort();
}

async function thrown(work: Promise<unknown>): Promise<unknown> {
  return await work.then(() => undefined).catch((error: unknown) => error);
}

test("a taken port moves the whole stack once, and later ups stay where it is", async () => {
  const { held, second, text, taken } = await conflict();
  await using _held = held;
  await using engine = createMemoryEngine();
  await using stack = openMemoryStack(text, { engine, through: withTakenPorts(taken) });
  const result = await stack.handle.up();
  expect(result.addresses.find(({ name }) => name === "web")?.url).toContain(`:${second.web}`);
  expect(result.recoveries).toMatchObject([{ outcome: "recovered", repair: { name: "use-port-bundle" } }]);
  expect(stack.told().filter((each) => /repair|recover|failure|failed/.test(each))).toEqual([
    "failure_detected web",
    "repair_started web",
    "repair_applied web",
    "recovered web",
  ]);
  const moved = await containers(engine);
  await using again = openMemoryStack(text, { engine, through: withTakenPorts(new Set()) });
  const second_ = await again.handle.up();
  expect(second_.adopted).toEqual(["db", "web"]);
  expect(await containers(engine)).toEqual(moved);
  expect(again.handle.stack.bundle).toBe("alternate");
});

test("after a down the next up begins with the first bundle again", async () => {
  const { held, text, taken } = await conflict();
  await using _held = held;
  await using stack = openMemoryStack(text, { through: withTakenPorts(taken) });
  await stack.handle.up();
  await stack.handle.down();
  taken.clear();
  await stack.handle.up();
  expect(stack.handle.stack.bundle).toBe("default");
});

test("what was stopped before an up is there after its retry failed, and after a cancel in it", async () => {
  const { held, second, text, taken } = await conflict();
  await using _held = held;
  await using engine = createMemoryEngine();
  const none = new Set<number>();
  await using first = openMemoryStack(text, { engine, through: withTakenPorts(none) });
  await first.handle.up();
  await first.handle.stop([]);
  const before = await containers(engine);
  const both = new Set([...taken, second.web]);
  await using failing = openMemoryStack(text, { engine, through: withTakenPorts(both) });
  expect(await thrown(failing.handle.up())).toMatchObject({ code: "resource-failed" });
  expect(await containers(engine)).toEqual(before);
  await using cancelled = openMemoryStack(text, { engine, through: withTakenPorts(taken) });
  const stop = new AbortController();
  let moved = false;
  cancelled.handle.onEvent(({ type }) => {
    moved ||= type === "repair_applied";
    if (moved && type === "resource_started") stop.abort(new LashError("cancelled", "enough"));
  });
  expect(await thrown(cancelled.handle.up({ signal: stop.signal }))).toMatchObject({ code: "cancelled" });
  expect(await containers(engine)).toEqual(before);
  expect(cancelled.told()).toContain("recovery_ended web");
  expect(cancelled.handle.stack.bundle).toBe("default");
});

test("a bundle may keep a port, which stays where it is", async () => {
  const { held, first, second, taken } = await conflict();
  await using _held = held;
  await using engine = createMemoryEngine();
  const text = manifest(first, { web: second.web, db: first.db });
  await using stack = openMemoryStack(text, { engine, through: withTakenPorts(taken) });
  const { recoveries } = await stack.handle.up();
  expect(recoveries).toMatchObject([{ outcome: "recovered" }]);
  expect((await containers(engine)).filter((each) => each.startsWith("shop.db "))).toHaveLength(1);
});

test("ports that the caller chose are not moved", async () => {
  const { held, text, taken } = await conflict();
  await using _held = held;
  await using stack = openMemoryStack(text, { through: withTakenPorts(taken), bundle: "default" });
  expect(await thrown(stack.handle.up())).toMatchObject({
    data: { recoveries: [{ outcome: "gave-up", because: expect.stringContaining("chosen by whoever") }] },
  });
  expect(stack.told()).not.toContain("repair_started web");
});

test("a look that fails repairs nothing, and the failure is what was detected", async () => {
  const { held, text, taken } = await conflict();
  await using _held = held;
  await using engine = createMemoryEngine();
  const list: typeof engine.list = async (filter, options) => {
    if (Object.keys(filter).length === 0)
      throw new LashError("engine-unreachable", "Cannot reach the engine");
    return await engine.list(filter, options);
  };
  await using stack = openMemoryStack(text, { engine, through: withTakenPorts(taken, { list }) });
  expect(await thrown(stack.handle.up())).toMatchObject({
    code: "resource-failed",
    data: { failures: [{ code: "port-in-use", subject: "web" }] },
  });
  expect(stack.told()).toEqual(expect.arrayContaining(["failure_detected web", "resource_failed web"]));
});

test("a cancel is heard while the situation is looked at", async () => {
  const { held, text, taken } = await conflict();
  await using _held = held;
  await using engine = createMemoryEngine();
  const stop = new AbortController();
  const list: typeof engine.list = async (filter, options) => {
    if (Object.keys(filter).length > 0) return await engine.list(filter, options);
    stop.abort(new LashError("cancelled", "enough"));
    options.signal.throwIfAborted();
    return await engine.list(filter, options);
  };
  await using stack = openMemoryStack(text, { engine, through: withTakenPorts(taken, { list }) });
  expect(await thrown(stack.handle.up({ signal: stop.signal }))).toMatchObject({ code: "cancelled" });
  expect(stack.told()).not.toContain("repair_started web");
  expect(await containers(engine)).toEqual([]);
});

test("any-free moves every port that somebody has, in its one repair", async () => {
  await using one = await takePort();
  await using two = await takePort();
  const text = `
project: { name: shop }
recovery: { ports: any-free }
resources:
  db: { container: { image: "db:1", ports: ["${one.number}:5432"] } }
  web: { container: { image: "web:1", ports: ["${two.number}:80"] } }
`;
  await using engine = createMemoryEngine();
  const taken = new Set([one.number, two.number]);
  await using stack = openMemoryStack(text, { engine, through: withTakenPorts(taken) });
  const { recoveries, addresses } = await stack.handle.up();
  expect(recoveries).toMatchObject([{ outcome: "recovered", repair: { name: "use-free-port" } }]);
  for (const { url } of addresses) expect([...taken].some((port) => url.includes(`:${port}`))).toBe(false);
  await using again = openMemoryStack(text, { engine, through: withTakenPorts(taken) });
  expect((await again.handle.up()).adopted).toEqual(["db", "web"]);
});
