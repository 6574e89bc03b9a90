import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import {
  type Dependency,
  freeAddress,
  guardedCalls,
  median,
  notReady,
  openPlatform,
  type Platform,
  type PlatformServer,
  runnerAt,
  sharedSecret,
  sleeper,
  unguarded,
  unlikeNotReady,
  untilReady,
} from "../support/platform.ts";
import { startFront } from "../support/runner-front.ts";

// The model's acceptance list: `lash server` and `lash runner` as processes, before a real engine.

let platform: Platform;
beforeEach(async () => {
  platform = await openPlatform();
});
afterEach(async () => await platform[Symbol.asyncDispose]());

/** Makes a container, uses it in every way and removes it again. */
async function liveThrough(server: PlatformServer, name: string): Promise<void> {
  const created = await server.ask("POST", "/api/containers", { body: sleeper(name) });
  expect([created.status, created.text]).toEqual([201, expect.stringContaining(name)]);
  const { id } = JSON.parse(created.text) as { readonly id: string };
  const one = `/api/containers/${id}`;
  const listed = await server.ask("GET", "/api/containers");
  expect(JSON.parse(listed.text)).toMatchObject({ stale: false, items: [{ id, state: "running" }] });
  const exec = await server.ask("POST", `${one}/exec`, { body: { command: ["echo", "here"] } });
  expect(JSON.parse(exec.text)).toMatchObject({ reason: "completed", exitCode: 0, stdout: "here\n" });
  expect((await server.ask("GET", `${one}/logs`)).text).toContain('"text":"begun"');
  const session = await server.ask("POST", `${one}/terminal/sessions`, { body: { command: ["sh"] } });
  const { path } = JSON.parse(session.text) as { readonly path: string };
  expect(await typeInto(`${server.url.replace("http", "ws")}${path}`, "echo $((6 * 7)); exit\n")).toContain(
    "42",
  );
  expect((await server.ask("DELETE", `${one}?graceMs=3000`)).status).toBe(204);
  expect(await server.containers()).toEqual([]);
}

async function typeInto(url: string, input: string): Promise<string> {
  const socket = new WebSocket(url);
  let output = "";
  return await new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.on("message", (data) => {
      const message = JSON.parse((data as Buffer).toString()) as {
        readonly type: string;
        readonly status?: string;
        data?: string;
      };
      if (message.type === "status" && message.status === "running")
        socket.send(JSON.stringify({ type: "input", data: input }));
      if (message.type === "output") output += message.data ?? "";
    });
    socket.once("close", () => resolve(output));
  });
}

/** What the log says of the dependency. */
function recordsOf(server: PlatformServer): readonly Readonly<Record<string, unknown>>[] {
  return server.logs().filter(({ dependency }) => dependency !== undefined);
}

const isDown = ({ status }: Dependency): boolean => status === "down";
const isUp = ({ status }: Dependency): boolean => status === "up";

describe("with the runner down", () => {
  test("the server starts, keeps running, refuses what needs the runner in exactly one way, and recovers without a restart", async () => {
    const { port, url } = await freeAddress();
    const began = performance.now();
    const server = await platform.server({
      runner: url,
      env: {
        DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS: "50",
        DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS: "400",
        DOCKER_RUNNER_CONNECT_RETRY_JITTER_MS: "20",
      },
    });
    expect(performance.now() - began).toBeLessThan(5000);
    await server.untilHealth(isDown);

    const calls = await guardedCalls(server);
    expect(calls.map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining([
        "GET /api/containers",
        "POST /api/containers",
        "GET /api/containers/some-container/logs",
        "POST /api/containers/some-container/terminal/sessions",
        "POST /api/images/ensure",
        "POST /api/stacks/some-stack/up",
      ]),
    );
    expect(calls.length).toBeGreaterThan(20);
    expect(await unlikeNotReady(server, notReady.runner)).toEqual([]);

    for (const call of unguarded) {
      const [method = "", path = ""] = call.split(" ");
      const { status } = await server.ask(method, path, method === "POST" ? { body: {} } : {});
      expect([call, status]).toEqual([call, method === "POST" ? 204 : 200]);
    }

    // Long enough for several tries; it lives through all of them.
    const { dependency } = await server.untilHealth(({ consecutiveFailures }) => consecutiveFailures >= 9);
    const health = await server.ask("GET", "/health");
    expect(health.headers["cache-control"]).toContain("no-store");
    expect(JSON.parse(health.text)).toMatchObject({ status: "ok", degraded: true });
    expect(dependency).toMatchObject({
      status: "down",
      optional: true,
      baseUrl: url,
      reason: "refused",
      exhausted: false,
      lastCheckedAt: expect.any(String),
      lastFailureAt: expect.any(String),
      lastDurationMs: expect.any(Number),
      lastError: { code: "ECONNREFUSED", message: expect.stringContaining(url) },
    });
    expect(dependency).not.toHaveProperty("lastSuccessAt");
    expect(Date.parse(dependency.nextRetryAt ?? "")).toBeGreaterThan(
      Date.parse(dependency.lastFailureAt ?? ""),
    );
    expect(health.text).not.toContain(sharedSecret);

    const failures = recordsOf(server);
    expect(failures.length).toBeGreaterThanOrEqual(9);
    for (const [index, failure] of failures.entries())
      expect(failure).toMatchObject({
        dependency: "docker-runner",
        baseUrl: url,
        errorCode: "ECONNREFUSED",
        message: expect.stringContaining("no runner listens there"),
        retryInMs: expect.any(Number),
        nextRetryAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        consecutiveFailures: index + 1,
        state: "down",
        downForMs: expect.any(Number),
      });
    const levels = failures.map(({ level }) => level);
    expect(levels.slice(0, 9)).toEqual([
      "error",
      "warn",
      "debug",
      "warn",
      "debug",
      "debug",
      "debug",
      "warn",
      "debug",
    ]);

    await platform.runner({ port });
    await untilReady(url);
    const first = await server.ask("GET", "/api/containers");
    await server.untilHealth(isUp);
    expect([200, 503]).toContain(first.status);
    expect(server.isAlive).toBe(true);
    await liveThrough(server, `${platform.name}-after`);
    const recoveries = recordsOf(server).filter(({ level }) => level === "info");
    expect(recoveries).toMatchObject([
      { state: "up", message: expect.stringContaining("is up again after") },
    ]);
    const end = await server.kill("SIGTERM");
    expect([end.code, end.stderr]).toEqual([0, ""]);
  });

  test("a runner that is never there costs nobody the server, whatever is wrong with its address", async () => {
    const { url } = await freeAddress();
    const plain = await platform.runner();
    const wrong: readonly (readonly [string, string])[] = [
      [url, "refused"],
      ["http://no-such-host.invalid:7071", "dns"],
      [plain.url.replace("http", "https"), "tls"],
      // Something that answers there, and is no runner.
      [`${(await platform.server({ runner: url })).url}/somewhere`, "bad-response"],
    ];
    for (const [address, reason] of wrong) {
      const server = await platform.server({ runner: address });
      const { dependency } = await server.untilHealth(isDown);
      expect([address, dependency.reason]).toEqual([address, reason]);
      const answer = await server.ask("GET", "/api/containers");
      expect([address, answer.status, answer.text]).toEqual([address, 503, notReady.runner]);
      expect([address, server.isAlive]).toEqual([address, true]);
    }
  });
});

describe("with the runner up from the start", () => {
  test("nothing is slower and nothing is different", async () => {
    const runner = await platform.runner();
    const { url: nobody } = await freeAddress();
    await using front = await startFront(runner.url);
    const startMs: Record<"up" | "down", number[]> = { up: [], down: [] };
    const firstMs: number[] = [];
    // In turn, so that other work on the machine hits both alike.
    for (let round = 0; round < 5; round += 1) {
      for (const kind of ["up", "down"] as const) {
        const began = performance.now();
        const server = await platform.server({ runner: kind === "up" ? front.url : nobody });
        startMs[kind].push(performance.now() - began);
        // The very first request, before the server could have known: it waits for the probe, and is answered.
        const first = await server.ask("GET", "/api/containers");
        const [status, body] =
          kind === "up" ? [200, '{"items":[],"more":false,"stale":false}'] : [503, notReady.runner];
        expect([first.status, first.text]).toEqual([status, body]);
        expect(first.headers["retry-after"] === undefined).toBe(kind === "up");
        if (kind === "up") firstMs.push(first.ms);
        await server.kill();
      }
    }
    const [up, down] = [median(startMs.up), median(startMs.down)];
    console.log(
      `start: ${up.toFixed(0)} ms with the runner, ${down.toFixed(0)} ms without; first answer ${median(firstMs).toFixed(0)} ms`,
    );
    expect(up).toBeLessThan(down * 1.3 + 50);
    expect(median(firstMs)).toBeLessThan(250);
    expect(front.probes()).toHaveLength(5);

    const server = await platform.server({ runner: front.url });
    await server.untilHealth(isUp);
    const { text } = await server.ask("GET", "/health");
    expect(JSON.parse(text)).toMatchObject({
      status: "ok",
      dependencies: { dockerRunner: { status: "up" } },
    });
    expect(JSON.parse(text)).not.toHaveProperty("degraded");
    expect(text).not.toMatch(/nextRetryAt|lastError|lastFailureAt|reason/);
    const before = performance.now();
    await liveThrough(server, `${platform.name}-up`);
    // While it is up calls pay for no probe.
    expect(front.probes(before)).toEqual([]);
    expect(server.logs().filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
    expect(recordsOf(server)).toEqual([]);
  });
});

describe("DOCKER_RUNNER_OPTIONAL=false", () => {
  const required = { DOCKER_RUNNER_OPTIONAL: "false" };
  const start = async (env: NodeJS.ProcessEnv) =>
    await platform.project.lash(["server", "--port", "0"], { env: { ...env, ...required } });

  test("fails fast with a non-zero exit that names address, code and setting", async () => {
    const { url } = await freeAddress();
    const runner = await platform.runner();
    await using front = await startFront(runner.url);
    await front.set({ mode: "hang" });
    const cases: readonly (readonly [NodeJS.ProcessEnv, string, string, number])[] = [
      [runnerAt(url), url, "ECONNREFUSED", 3000],
      [runnerAt(front.url), front.url, "timed-out", 4500],
      [
        { ...runnerAt(runner.url), DOCKER_RUNNER_SHARED_SECRET: "another" },
        runner.url,
        "invalid_signature",
        3000,
      ],
    ];
    const ends = await Promise.all(
      cases.map(async ([env, address, code, withinMs]) => ({
        address,
        code,
        withinMs,
        end: await start(env),
      })),
    );
    for (const { address, code, withinMs, end } of ends) {
      // As for every command whose engine is not there: src/cli/exit-code.ts.
      expect([code, end.code]).toEqual([code, 3]);
      for (const word of [address, code, "DOCKER_RUNNER_OPTIONAL=true"]) expect(end.stderr).toContain(word);
      expect(end.stderr).not.toContain(sharedSecret);
      expect(end.ms).toBeLessThan(withinMs);
    }
  });

  test("does not tell the password of an address that cannot be used", async () => {
    const end = await start(runnerAt("http://someone:hunter22@127.0.0.1:1"));
    expect(end.code).not.toBe(0);
    expect(end.stderr).toContain("DOCKER_RUNNER_BASE_URL");
    expect(`${end.stdout}${end.stderr}`).not.toContain("hunter22");
  });

  test("starts with the runner there, and its later loss is not fatal but makes it not ready", async () => {
    const { port, url } = await freeAddress();
    const runner = await platform.runner({ port });
    const server = await platform.server({ runner: url, env: required });
    // It would not listen before it has been found.
    expect(await server.health()).toMatchObject({ status: "up", optional: false });
    expect((await server.ask("GET", "/health/ready")).status).toBe(200);
    await runner.kill();
    await server.untilHealth(isDown);
    expect((await server.ask("GET", "/health/ready")).status).toBe(503);
    expect((await server.ask("GET", "/health/live")).status).toBe(200);
    expect(await unlikeNotReady(server, notReady.runner)).toEqual([]);
    await platform.runner({ port });
    await untilReady(url);
    await server.untilHealth(isUp);
    expect((await server.ask("GET", "/health/ready")).status).toBe(200);
    expect(server.isAlive).toBe(true);
  });
});
