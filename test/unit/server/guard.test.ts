import { once } from "node:events";
import { expect, test } from "vitest";
import { LashError } from "../../../src/model/errors.ts";
import { openMetrics } from "../../../src/server/metrics.ts";
import { serverRoutes } from "../../../src/server/routes.ts";
import { at, startTestServer, until } from "./support.ts";

const runnerBody = '{"error":{"code":"docker_runner_not_ready","message":"docker-runner not ready"}}';
const engineBody = '{"error":{"code":"engine_not_ready","message":"engine not ready"}}';

const routes = serverRoutes({ life: { state: "serving" }, metrics: openMetrics() });
const guarded = routes.filter((route) => route.guarded({}));
const open = routes.filter((route) => !route.guarded({}));

function pathOf(path: string): string {
  return path
    .replace("{container}", "one")
    .replace("{session}", "00000000-0000-0000-0000-000000000000")
    .replace("{stack}", "shop")
    .replace("{resource}", "db");
}

test("the routes that have to be guarded are", () => {
  const free = open.map(({ method, path }) => `${method} ${path}`);
  expect(free).toEqual([
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /health/startup",
    "POST /api/dependency/retry",
    "GET /metrics",
    "GET /api/openapi.json",
  ]);
  expect(guarded.length).toBeGreaterThan(25);
});

test("without the engine every guarded route answers exactly this, also before anything was probed", async () => {
  await using server = await startTestServer({ down: true });
  for (const { method, path } of guarded) {
    const answer = await server.ask(method, pathOf(path), method === "POST" ? { body: {} } : {});
    expect([path, answer.status, answer.text]).toEqual([path, 503, runnerBody]);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
  }
  expect(server.engine.log.filter((entry) => entry.type === "return")).toEqual([]);
});

test("a local engine has a name of its own", async () => {
  await using server = await startTestServer({ down: true, local: true });
  expect((await server.ask("GET", "/api/containers")).text).toBe(engineBody);
});

test("what is not guarded answers all the same", async () => {
  await using server = await startTestServer({ down: true });
  for (const { method, path } of open) {
    const { status } = await server.ask(method, path, method === "POST" ? { body: {} } : {});
    expect([path, status < 300]).toEqual([path, true]);
  }
  const { status, body } = await server.ask("GET", "/api/containers?stale=true");
  expect([status, body]).toEqual([200, { items: [], more: false, stale: true }]);
});

test("the last known state is told during an outage, with its time", async () => {
  await using server = await startTestServer();
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "one" } });
  await server.lose();
  expect((await server.ask("GET", "/api/containers")).text).toBe(runnerBody);
  const { body } = await server.ask("GET", "/api/containers?stale=true");
  expect(body).toMatchObject({ stale: true, items: [{ name: "one" }] });
  expect(Date.parse(at(body, "lastSuccessAt"))).toBeLessThanOrEqual(Date.now());
});

test("a call that fails by network after the guard gives the same answer, and the server looks again", async () => {
  await using server = await startTestServer();
  const { engine, ask } = server;
  for (const code of ["engine-unreachable", "timed-out", "engine-permission"] as const) {
    engine.failNext("list", new LashError(code, "Cannot list containers: gone"));
    const answer = await ask("GET", "/api/containers");
    expect([code, answer.status, answer.text]).toEqual([code, 503, runnerBody]);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
  }
  const infos = (): number =>
    engine.log.filter((entry) => entry.type === "call" && entry.method === "info").length;
  const before = infos();
  engine.failNext("inspect", new LashError("engine-unreachable", "Cannot inspect: gone"));
  expect((await ask("GET", "/api/containers/one")).text).toBe(runnerBody);
  await until(() => infos() > before);
});

test("an engine that hangs is noticed by a request without an answer, which is then given up", async () => {
  await using server = await startTestServer();
  const { engine } = server;
  engine.delay("list", 60_000);
  const pending = server.ask("GET", "/api/containers");
  await until(() => engine.log.some((entry) => entry.type === "call" && entry.method === "list"));
  engine.failNext("info", new LashError("timed-out", "Cannot probe: no answer"));
  const startedAt = performance.now();
  const { status, text } = await pending;
  expect([status, text]).toEqual([503, runnerBody]);
  expect(performance.now() - startedAt).toBeLessThan(3000);
});

test("what the engine itself answers is no outage", async () => {
  await using server = await startTestServer();
  server.engine.failNext(
    "list",
    new LashError("engine-refused", "Cannot list: broken", { data: { status: 500 } }),
  );
  const { status, body } = await server.ask("GET", "/api/containers");
  expect([status, at(body, "error", "code")]).toEqual([502, "engine_failed"]);
});

test("an engine that comes back is noticed by the first request", async () => {
  await using server = await startTestServer({ down: true });
  expect((await server.ask("GET", "/api/containers")).status).toBe(503);
  server.engine.reconnect();
  // One probe a second at most is asked for by requests.
  await until(async () => (await server.ask("GET", "/api/containers")).status === 200);
});

test("upgrades are guarded with the same body, and the session is kept", async () => {
  await using server = await startTestServer({ memory: { scripts: { "work:1": { exec: () => 0 } } } });
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "one" } });
  const opened = await server.ask("POST", "/api/containers/one/terminal/sessions", { body: {} });
  await server.lose();
  const socket = server.terminal(at(opened.body, "path"));
  const [, response] = await once(socket, "unexpected-response");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  expect([response.statusCode, text]).toEqual([503, runnerBody]);
  expect(Number(response.headers["retry-after"])).toBeGreaterThanOrEqual(1);
  expect(server.port.containers.terminals.size).toBe(1);
});

test("refused requests are counted by route", async () => {
  await using server = await startTestServer({ down: true });
  await server.ask("GET", "/api/containers/one");
  await server.ask("GET", "/api/containers/two");
  const { text } = await server.ask("GET", "/metrics");
  expect(text).toContain('lash_rejected_requests_total{route="/api/containers/{container}"} 2');
  expect(text).toContain('lash_dependency_up{dependency="docker-runner"} 0');
  expect(text).toContain(
    'lash_dependency_transitions_total{dependency="docker-runner",from="unknown",to="down"} 1',
  );
});
