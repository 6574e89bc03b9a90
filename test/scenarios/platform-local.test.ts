import { afterEach, beforeEach, expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { startDocker } from "../bed/engine.ts";
import { type SocketProxy, startSocketProxy } from "../bed/socket-proxy.ts";
import {
  type Dependency,
  median,
  noRetries,
  notReady,
  openPlatform,
  type Platform,
  pause,
  sleeper,
  unguarded,
  unlikeNotReady,
} from "../support/platform.ts";

// `lash server` without a runner, on the engine of its own machine.

let platform: Platform;
let engine: SocketProxy;
beforeEach(async () => {
  platform = await openPlatform();
  engine = await startSocketProxy({ target: useBed().socket });
});
afterEach(async () => {
  await engine.restore();
  await platform[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const isUp = ({ status }: Dependency): boolean => status === "up";
const isDown = ({ status }: Dependency): boolean => status === "down";

test("without its engine the server starts, says so, and is up as soon as the socket is there", async () => {
  await engine.cutAll({ as: "missing" });
  const server = await platform.server({ env: { DOCKER_HOST: `unix://${engine.socket}`, ...noRetries } });
  await server.untilHealth(isDown);
  const health = JSON.parse((await server.ask("GET", "/health")).text) as Readonly<Record<string, unknown>>;
  expect(health).toMatchObject({
    status: "ok",
    degraded: true,
    dependencies: { engine: { status: "down", reason: "refused", baseUrl: `unix://${engine.socket}` } },
  });
  expect(await unlikeNotReady(server, notReady.engine)).toEqual([]);
  for (const call of unguarded) {
    const [method = "", path = ""] = call.split(" ");
    const { status } = await server.ask(method, path, method === "POST" ? { body: {} } : {});
    expect([call, status]).toEqual([call, method === "POST" ? 204 : 200]);
  }
  const [failure] = server.logs().filter(({ dependency }) => dependency === "engine");
  expect(failure).toMatchObject({ level: "error", baseUrl: `unix://${engine.socket}`, state: "down" });

  await engine.restore();
  const { ms } = await server.untilHealth(isUp);
  expect(ms).toBeLessThan(1000);
  const created = await server.ask("POST", "/api/containers", { body: sleeper(`${platform.name}-one`) });
  expect([created.status, created.text]).toEqual([201, expect.stringContaining("running")]);
  const known = await server.containers();

  // Nobody asks for anything but health, which asks nobody: it is the socket that tells.
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    await engine.cutAll({ as: "missing" });
    const lost = await server.untilHealth(isDown);
    expect(lost.dependency.reason).toBe("refused");
    expect(lost.ms).toBeLessThan(1000);
    expect(await server.containers("?stale=true&status=all")).toEqual(known);
    await engine.restore();
    times.push((await server.untilHealth(isUp)).ms);
    expect(await server.containers()).toEqual(known);
  }
  console.log(`up after the socket's return: ${times.map((each) => each.toFixed(0)).join(", ")} ms`);
  expect(median(times)).toBeLessThan(300);
  expect(server.isAlive).toBe(true);
});

test("an engine that was killed, its socket still there, is noticed by the first request when it is back", async () => {
  const server = await platform.server({ env: { DOCKER_HOST: `unix://${engine.socket}`, ...noRetries } });
  await server.untilHealth(isUp);
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    await engine.cutAll({ as: "refused" });
    await server.untilHealth(isDown);
    const refused = await server.ask("GET", "/api/containers");
    expect([refused.status, refused.text]).toEqual([503, notReady.engine]);
    // The second in which that request has had its probe.
    await pause(1000);
    await engine.restore();
    const began = performance.now();
    for (;;) {
      const { status, text } = await server.ask("GET", "/api/containers");
      if (status === 200) break;
      expect([status, text]).toEqual([503, notReady.engine]);
    }
    times.push(performance.now() - began);
  }
  console.log(`up after the engine's return: ${times.map((each) => each.toFixed(0)).join(", ")} ms`);
  expect(median(times)).toBeLessThan(300);
});

test("a real engine that restarts behind its runner: 503 meanwhile, then the same containers", async () => {
  await using docker = await startDocker();
  await docker.loadImages("base");
  const runner = await platform.runner({ socket: docker.socket });
  const server = await platform.server({ runner: runner.url });
  await server.untilHealth(isUp);
  const created = await server.ask("POST", "/api/containers", { body: sleeper(`${platform.name}-one`) });
  expect([created.status, created.text]).toEqual([201, expect.stringContaining("running")]);
  const known = await server.containers();
  const restarting = docker.restart();
  const { dependency } = await server.untilHealth(isDown);
  expect(dependency.reason).toBe("engine-down");
  const answer = await server.ask("GET", "/api/containers");
  expect([200, 503]).toContain(answer.status);
  await restarting;
  await server.untilHealth(isUp);
  const after = await server.containers();
  // It has stopped its containers as it ended.
  expect(after).toEqual(known.map((one) => ({ ...one, state: "exited" })));
  const started = await server.ask("POST", `/api/containers/${known[0]?.id ?? ""}/start`, { body: {} });
  expect(started.status).toBe(200);
  expect(await server.containers()).toEqual(known);
});

test("a server that was killed knows its containers again from the engine's labels", async () => {
  const settings = { env: { DOCKER_HOST: `unix://${engine.socket}`, ...noRetries } };
  const first = await platform.server(settings);
  for (const name of ["one", "two"]) {
    const { status } = await first.ask("POST", "/api/containers", {
      body: sleeper(`${platform.name}-${name}`),
    });
    expect(status).toBe(201);
  }
  const known = await first.containers();
  await first.kill();
  const second = await platform.server(settings);
  await second.untilHealth(isUp);
  expect(await second.containers()).toEqual(known);
});
