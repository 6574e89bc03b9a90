import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stackDetailsSchema, stackListSchema } from "../../../src/server/contract.ts";
import { openMemoryStack } from "../../support/memory-stack.ts";
import { at, startTestServer, until } from "./support.ts";

const signal = new AbortController().signal;
const shop = `project: { name: shop }
resources:
  db:
    container: { image: "db:1" }
  api:
    container: { image: "api:1", depends_on: [db] }
`;

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lash-stacks-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a stack that somebody else brought up: listed by its labels, stopped, started, its output and events", async () => {
  await using stack = openMemoryStack(shop);
  await stack.handle.up();
  await using server = await startTestServer({ engine: stack.engine });
  const { ask } = server;
  expect(stackListSchema.parse((await ask("GET", "/api/stacks")).body).items).toEqual([
    { name: "shop", manifest: "/stacks/shop/lash.yml", resources: 2, running: 2, managed: false },
  ]);
  const details = stackDetailsSchema.parse((await ask("GET", "/api/stacks/shop")).body);
  expect(details.items.map(({ name, kind, status }) => [name, kind, status])).toEqual([
    ["api", "container", "ready"],
    ["db", "container", "ready"],
  ]);
  expect((await ask("GET", "/api/stacks/shop/resources/db")).body).toMatchObject({
    name: "db",
    image: "db:1",
  });

  await using events = await server.stream("/api/stacks/shop/events");
  await using logs = await server.stream("/api/stacks/shop/logs?follow=true");
  await new Promise((resolve) => setTimeout(resolve, 30));
  stack.engine.print("shop.db", "hello");
  expect(await logs.next()).toMatchObject({ event: "log", data: { resource: "db", text: "hello" } });
  await stack.handle.release();
  expect((await ask("POST", "/api/stacks/shop/resources/api/stop", { body: { graceMs: 5 } })).status).toBe(
    204,
  );
  expect(await events.next()).toMatchObject({ event: "container", data: { resource: "api" } });
  expect((await stack.engine.inspect("shop.api", { signal }))?.state).toBe("exited");
  expect((await stack.engine.inspect("shop.db", { signal }))?.state).toBe("running");
  expect((await ask("POST", "/api/stacks/shop/start")).status).toBe(204);
  expect((await stack.engine.inspect("shop.api", { signal }))?.state).toBe("running");
  const begun = (await stack.engine.inspect("shop.db", { signal }))?.startedAt;
  await new Promise((resolve) => setTimeout(resolve, 2));
  expect((await ask("POST", "/api/stacks/shop/restart", { body: { resources: ["db"] } })).status).toBe(204);
  expect((await stack.engine.inspect("shop.db", { signal }))?.startedAt).not.toBe(begun);
});

test("what is not there: stacks, resources, manifests", async () => {
  await using stack = openMemoryStack(shop);
  await stack.handle.up();
  await using server = await startTestServer({ engine: stack.engine });
  const cases: readonly (readonly [string, string, string])[] = [
    ["GET", "/api/stacks/none", "stack_not_found"],
    ["GET", "/api/stacks/none/logs", "stack_not_found"],
    ["GET", "/api/stacks/none/events", "stack_not_found"],
    ["POST", "/api/stacks/none/stop", "stack_not_found"],
    ["GET", "/api/stacks/shop/resources/none", "resource_not_found"],
    ["GET", "/api/stacks/shop/resources/none/logs", "resource_not_found"],
    ["POST", "/api/stacks/shop/resources/none/start", "resource_not_found"],
    // It runs, but its manifest is not in the server's folder.
    ["POST", "/api/stacks/shop/up", "stack_not_found"],
    ["POST", "/api/stacks/shop/down", "stack_not_found"],
  ];
  for (const [method, path, code] of cases) {
    const { status, body } = await server.ask(method, path);
    expect([path, status, at(body, "error", "code")]).toEqual([path, 404, code]);
  }
  expect((await stack.engine.list({}, { signal })).filter(({ state }) => state === "running")).toHaveLength(
    2,
  );
});

test("up, supervision and down of a stack in the folder", async () => {
  await withFolder(async (folder) => {
    await mkdir(join(folder, "shop"));
    await writeFile(join(folder, "shop", "lash.yml"), shop);
    await using server = await startTestServer({ stacks: folder });
    const { ask, engine } = server;
    expect((await ask("GET", "/api/stacks")).body).toMatchObject({
      items: [{ name: "shop", managed: true, running: 0 }],
    });
    const unknown = await ask("POST", "/api/stacks/shop/up", { body: { resources: ["none"] } });
    expect([unknown.status, at(unknown.body, "error", "code")]).toEqual([404, "resource_not_found"]);
    const up = await ask("POST", "/api/stacks/shop/up?wait=true", { body: {} });
    expect([up.status, up.body]).toMatchObject([202, { action: "up", state: "done" }]);
    const details = stackDetailsSchema.parse((await ask("GET", "/api/stacks/shop")).body);
    expect(details).toMatchObject({ running: 2, operation: { state: "done" } });
    expect(details.items.map(({ status }) => status)).toEqual(["ready", "ready"]);
    expect((await ask("POST", "/api/stacks/shop/resources/api/restart")).status).toBe(204);
    // Once more, while it is supervised: the former supervision ends first.
    expect((await ask("POST", "/api/stacks/shop/up?wait=true")).body).toMatchObject({ state: "done" });
    const down = await ask("POST", "/api/stacks/shop/down?wait=true", { body: { graceMs: 5 } });
    expect(down.body).toMatchObject({ action: "down", state: "done" });
    expect(await engine.list({}, { signal })).toEqual([]);
    expect(server.audits().map(({ action, target }) => `${String(action)} ${String(target)}`)).toContain(
      "stack.up shop",
    );
  });
});

test("an up that fails says why, and a second one waits for nobody", async () => {
  await withFolder(async (folder) => {
    await writeFile(join(folder, "shop.yml"), shop);
    await using server = await startTestServer({ stacks: folder });
    const { ask, engine } = server;
    engine.script("shop.db", { exitCode: 1 });
    const failed = await ask("POST", "/api/stacks/shop/up?wait=true");
    expect(failed.body).toMatchObject({ state: "failed", error: { code: "resource-failed" } });
    engine.script("shop.db", { startMs: 300 });
    const begun = await ask("POST", "/api/stacks/shop/up");
    expect([begun.status, at(begun.body, "state")]).toEqual([202, "running"]);
    const second = await ask("POST", "/api/stacks/shop/up");
    expect([second.status, at(second.body, "error", "code")]).toEqual([409, "conflict"]);
    await until(async () => at((await ask("GET", "/api/stacks/shop")).body, "operation", "state") === "done");
  });
});

test("what a link leads to out of the folder is not in it, and broken manifests are none", async () => {
  await withFolder(async (outside) => {
    await writeFile(join(outside, "lash.yml"), shop);
    await withFolder(async (folder) => {
      await symlink(join(outside, "lash.yml"), join(folder, "shop.yml"));
      await symlink(outside, join(folder, "other"));
      await writeFile(join(folder, "broken.yml"), "project: [");
      await using server = await startTestServer({ stacks: folder });
      expect((await server.ask("GET", "/api/stacks")).body).toEqual({ items: [] });
      expect((await server.ask("POST", "/api/stacks/shop/up")).status).toBe(404);
    });
  });
});

test("two manifests of one project are not chosen between", async () => {
  await withFolder(async (folder) => {
    await writeFile(join(folder, "one.yml"), shop);
    await writeFile(join(folder, "two.yml"), shop);
    await using server = await startTestServer({ stacks: folder });
    const { status, body } = await server.ask("POST", "/api/stacks/shop/up");
    expect([status, at(body, "error", "code")]).toEqual([409, "conflict"]);
  });
});

test("the end of the server leaves the stack running", async () => {
  await withFolder(async (folder) => {
    await writeFile(join(folder, "shop.yml"), shop);
    await using server = await startTestServer({ stacks: folder });
    await server.ask("POST", "/api/stacks/shop/up?wait=true");
    await server.end();
    const states = (await server.engine.list({}, { signal })).map(({ state }) => state);
    expect(states).toEqual(["running", "running"]);
  });
});
