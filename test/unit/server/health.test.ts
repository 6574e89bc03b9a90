import { expect, test } from "vitest";
import { healthSchema } from "../../../src/server/contract.ts";
import { at, startTestServer, until } from "./support.ts";

test("/health is 200 whatever the dependency's state, says what is known of it, and is not kept", async () => {
  await using server = await startTestServer();
  const up = await server.ask("GET", "/health");
  expect([up.status, up.headers["cache-control"]]).toEqual([200, "no-store"]);
  expect(healthSchema.parse(up.body)).toMatchObject({
    status: "ok",
    dependencies: { dockerRunner: { status: "up", optional: true, baseUrl: "http://runner.example:7071" } },
  });
  expect(up.body).not.toHaveProperty("degraded");
  await server.lose();
  const down = await server.ask("GET", "/health");
  expect(down.status).toBe(200);
  expect(healthSchema.parse(down.body)).toMatchObject({
    status: "ok",
    degraded: true,
    dependencies: {
      dockerRunner: { status: "down", consecutiveFailures: 1, lastError: { code: "engine-unreachable" } },
    },
  });
});

test("with a local engine the key is engine", async () => {
  await using server = await startTestServer({ local: true });
  expect(Object.keys(healthSchema.parse((await server.ask("GET", "/health")).body).dependencies)).toEqual([
    "engine",
  ]);
});

test("ready counts an optional dependency not at all; live and startup count none", async () => {
  await using server = await startTestServer({ down: true });
  for (const path of ["/health/live", "/health/ready", "/health/startup"]) {
    expect([path, (await server.ask("GET", path)).status]).toEqual([path, 200]);
  }
});

test("ready counts a required one", async () => {
  await using server = await startTestServer({ environment: { DOCKER_RUNNER_OPTIONAL: "false" } });
  expect((await server.ask("GET", "/health/ready")).status).toBe(200);
  await server.lose();
  const { status, body } = await server.ask("GET", "/health/ready");
  expect([status, at(body, "status")]).toEqual([503, "not-ready"]);
  expect((await server.ask("GET", "/health/live")).status).toBe(200);
});

test("a required dependency that is not there stops the start, with its address, a code and the setting", async () => {
  await expect(
    startTestServer({ down: true, environment: { DOCKER_RUNNER_OPTIONAL: "false" } }),
  ).rejects.toMatchObject({
    code: "engine-unreachable",
    message: expect.stringContaining("http://runner.example:7071") as unknown,
    hint: expect.stringContaining("DOCKER_RUNNER_OPTIONAL") as unknown,
  });
});

test("health asks nobody anything", async () => {
  await using server = await startTestServer();
  const calls = (): number => server.engine.log.filter(({ type }) => type === "call").length;
  await until(async () => {
    const before = calls();
    await new Promise((resolve) => setImmediate(resolve));
    return calls() === before;
  });
  const before = calls();
  for (let n = 0; n < 20; n += 1) await server.ask("GET", "/health");
  expect(calls()).toBe(before);
});

test("loss and return are told in the log with every field", async () => {
  await using server = await startTestServer();
  await server.lose();
  server.engine.reconnect();
  expect((await server.ask("POST", "/api/dependency/retry", { body: {} })).status).toBe(204);
  await until(() => server.port.dependency.isUp);
  const told = server.lines.filter(({ dependency }) => dependency !== undefined);
  expect(told[0]).toMatchObject({
    level: "error",
    dependency: "docker-runner",
    baseUrl: "http://runner.example:7071",
    errorCode: "engine-unreachable",
    message: expect.any(String) as unknown,
    retryInMs: expect.any(Number) as unknown,
    nextRetryAt: expect.stringMatching(/^\d{4}-/) as unknown,
    consecutiveFailures: 1,
    state: "down",
    downForMs: 0,
  });
  expect(told.at(-1)).toMatchObject({ level: "info", state: "up", dependency: "docker-runner" });
});
