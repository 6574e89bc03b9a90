import { expect, test } from "vitest";
import { at, startTestServer, until } from "./support.ts";

test("while it drains it is not ready, and takes no more requests", async () => {
  await using server = await startTestServer({ settings: { LASH_SERVER_DRAIN_MS: "300" } });
  const ended = server.end();
  const ready = await server.ask("GET", "/health/ready");
  expect([ready.status, at(ready.body, "status")]).toEqual([503, "shutting-down"]);
  expect((await server.ask("GET", "/health/live")).status).toBe(200);
  const { status, body } = await server.ask("GET", "/api/containers");
  expect([status, at(body, "error", "code")]).toEqual([503, "shutting_down"]);
  await ended;
  await expect(server.ask("GET", "/health")).rejects.toThrow(/ECONNREFUSED/);
});

test("what is under way is finished", async () => {
  await using server = await startTestServer();
  server.engine.delay("create", 200);
  const created = server.ask("POST", "/api/containers", { body: { image: "work:1", name: "one" } });
  await until(() => server.engine.log.some((entry) => entry.type === "call" && entry.method === "create"));
  await server.end();
  expect((await created).status).toBe(201);
});

test("what does not end is waited for no longer than allowed", async () => {
  await using server = await startTestServer({
    memory: { scripts: { "work:1": { exec: () => new Promise<number>(() => {}) } } },
    settings: { LASH_SERVER_SHUTDOWN_MS: "200" },
  });
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "one" } });
  const ran = server
    .ask("POST", "/api/containers/one/exec", { body: { command: ["x"] } })
    .catch(() => undefined);
  await until(() => server.port.containers.known()[0]?.uses === 1);
  const startedAt = performance.now();
  await server.end();
  expect(performance.now() - startedAt).toBeLessThan(2000);
  await ran;
});

test("a probe under way does not hold it up", async () => {
  await using server = await startTestServer();
  server.engine.delay("info", 60_000);
  server.port.dependency.suspect();
  await until(
    () => server.engine.log.filter((entry) => entry.type === "call" && entry.method === "info").length > 1,
  );
  const startedAt = performance.now();
  await server.end();
  expect(performance.now() - startedAt).toBeLessThan(500);
});

test("ending twice is ending once", async () => {
  await using server = await startTestServer();
  await Promise.all([server.end(), server.end()]);
  await server.end();
});

test("an address that is taken is told, with what to do", async () => {
  await using server = await startTestServer();
  await expect(
    startTestServer({ settings: { LASH_SERVER_PORT: String(server.tcpPort) } }),
  ).rejects.toMatchObject({
    code: "usage",
    hint: expect.stringContaining("LASH_SERVER_PORT") as unknown,
  });
});
