import { mkdir, mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../async/clock.ts";
import { LashError } from "../model/errors.ts";
import type { Probe } from "./attempt.ts";
import { never } from "./connectivity.test.support.ts";
import { startMonitor } from "./monitor.ts";
import type { DependencyStatus } from "./status.ts";
import type { Monitor, MonitorOptions } from "./types.ts";

/** A probe as a driver would make it: one GET, a refusal turned into a LashError with status and code. */
function httpProbe(where: http.RequestOptions, client: typeof http | typeof https = http): Probe {
  return async ({ signal }) =>
    await new Promise((resolve, reject) => {
      const request = client.request({ path: "/v1/ready", agent: false, signal, ...where }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("error", reject).on("end", () => {
          const status = response.statusCode ?? 0;
          if (status === 200) resolve();
          else
            reject(
              new LashError("engine-refused", `Cannot probe: ${status}`, { data: { status, code: body } }),
            );
        });
      });
      request.on("error", reject).end();
    });
}

/** Retries only after 30 s, so that whatever is noticed sooner was noticed by other means. */
function watchFor(probe: Probe, changes: Partial<MonitorOptions> = {}): Monitor {
  return startMonitor({
    target: { dependency: "docker-runner", baseUrl: "http://127.0.0.1", optional: true },
    probe,
    retry: { baseDelayMs: 30_000, maxDelayMs: 30_000, jitterMs: 0, maxRetries: 0 },
    probeIntervalMs: 30_000,
    probeDeadlineMs: 300,
    clock: systemClock,
    random: Math.random,
    onRecord: () => {},
    onFault: (error) => {
      throw error;
    },
    ...changes,
  });
}

interface Listening extends AsyncDisposable {
  readonly port: number;
  /** Connections now open. */
  readonly connections: ReadonlySet<net.Socket>;
}

async function listen(server: net.Server, at: net.ListenOptions = { port: 0 }): Promise<Listening> {
  const connections = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    connections.add(socket);
    socket.on("close", () => connections.delete(socket)).on("error", () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen("path" in at ? at : { host: "127.0.0.1", ...at }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? (address satisfies AddressInfo).port : 0,
    connections,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

/** The next status in which the dependency is so. */
async function becomes(monitor: Monitor, wanted: DependencyStatus["status"]): Promise<DependencyStatus> {
  if (monitor.status.status === wanted) return monitor.status;
  return await new Promise((resolve) => {
    const end = monitor.subscribe((next) => {
      if (next.status !== wanted) return;
      end();
      resolve(next);
    });
  });
}

function answering(status: number, body = ""): http.Server {
  return http.createServer((_, response) => response.writeHead(status).end(body));
}

const servers: readonly (readonly [name: string, make: () => net.Server, reason: string, code: string])[] = [
  ["hangs", () => net.createServer(), "timeout", "timed-out"],
  ["resets", () => net.createServer((socket) => socket.resetAndDestroy()), "reset", "ECONNRESET"],
  ["hangs up", () => net.createServer((socket) => socket.end()), "reset", "ECONNRESET"],
  [
    "talks nonsense",
    () => net.createServer((socket) => socket.end("220 smtp\r\n\r\n")),
    "protocol",
    "HPE_INVALID_CONSTANT",
  ],
  [
    "breaks off an answer",
    () => net.createServer((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx")),
    "reset",
    "ECONNRESET",
  ],
  ["does not know the secret", () => answering(401, "invalid_signature"), "auth-failed", "invalid_signature"],
  [
    "has another time",
    () => answering(401, "timestamp_out_of_range"),
    "clock-skew",
    "timestamp_out_of_range",
  ],
  ["has no engine", () => answering(503, "docker_unavailable"), "engine-down", "docker_unavailable"],
  ["is broken", () => answering(500), "bad-response", "engine-refused"],
];

test.each(servers)("a server that %s is down, and why is told apart", async (_, make, reason, code) => {
  await using server = await listen(make());
  await using monitor = watchFor(httpProbe({ port: server.port }));
  const startedAt = performance.now();
  const status = await monitor.firstCheck({ signal: never });
  expect(status).toMatchObject({ status: "down", reason, lastError: { code } });
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

test("a port where nobody listens is refused, and comes up with the first request once somebody does", async () => {
  const gone = await listen(answering(200));
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  await using monitor = watchFor(httpProbe({ port }));
  expect(await monitor.firstCheck({ signal: never })).toMatchObject({ status: "down", reason: "refused" });
  await using _ = await listen(answering(200), { port });
  const asked = Array.from({ length: 20 }, async () => await monitor.demand({ signal: never }));
  expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set(["up"]));
  expect(monitor.counters.probes).toMatchObject({ ok: 1, refused: 1 });
});

test("plain HTTP where TLS was expected is tls", async () => {
  await using server = await listen(answering(200));
  await using monitor = watchFor(httpProbe({ port: server.port }, https));
  expect(await monitor.firstCheck({ signal: never })).toMatchObject({ status: "down", reason: "tls" });
});

test("closing during a probe of a server that hangs takes less than 50 ms and leaves no connection", async () => {
  const server = net.createServer();
  await using listening = await listen(server);
  const monitor = watchFor(httpProbe({ port: listening.port }), { probeDeadlineMs: 60_000 });
  const [socket] = await new Promise<net.Socket[]>((resolve) => {
    server.once("connection", (accepted) => resolve([accepted]));
  });
  const closed = new Promise((resolve) => {
    socket?.once("close", resolve).resume();
  });
  const startedAt = performance.now();
  await monitor[Symbol.asyncDispose]();
  expect(performance.now() - startedAt).toBeLessThan(50);
  await closed;
  expect(listening.connections.size).toBe(0);
  expect(monitor.status.status).toBe("unknown");
});

test("the loss of a server is noticed by the end of its stream", async () => {
  const server = http.createServer((request, response) => {
    response.writeHead(200);
    if (request.url === "/events") response.write("beat\n");
    else response.end();
  });
  const listening = await listen(server);
  await using monitor = watchFor(httpProbe({ port: listening.port }));
  await becomes(monitor, "up");
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get({ port: listening.port, path: "/events", agent: false }, resolve).on("error", reject);
  });
  const heard = monitor.heartbeat<Buffer>(response, { signal: never });
  expect(String((await heard.next()).value)).toBe("beat\n");
  const cut = heard.next();
  await listening[Symbol.asyncDispose]();
  await expect(cut).rejects.toThrow("aborted");
  expect(await becomes(monitor, "down")).toMatchObject({ reason: "refused" });
});

test("a local socket is missed and noticed again by itself", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lash-connectivity-"));
  const path = join(folder, "engine.sock");
  try {
    await using monitor = watchFor(httpProbe({ socketPath: path }), { socketPath: path });
    expect(await monitor.firstCheck({ signal: never })).toMatchObject({
      reason: "refused",
      lastError: { code: "ENOENT" },
    });
    for (let round = 0; round < 3; round++) {
      const listening = await listen(answering(200), { path });
      await becomes(monitor, "up");
      await listening[Symbol.asyncDispose]();
      await becomes(monitor, "down");
    }
    // One at the start and one for each loss: a socket that goes is no reason to look for its return.
    expect(monitor.counters.probes).toMatchObject({ ok: 3, refused: 4 });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a folder that cannot be watched changes nothing, and is watched once a probe finds it", async () => {
  const parent = await mkdtemp(join(tmpdir(), "lash-connectivity-"));
  const folder = join(parent, "run");
  const path = join(folder, "engine.sock");
  try {
    await using monitor = watchFor(httpProbe({ socketPath: path }), { socketPath: path });
    expect(await monitor.firstCheck({ signal: never })).toMatchObject({ status: "down", reason: "refused" });
    await mkdir(folder);
    await monitor.demand({ signal: never });
    await using _ = await listen(answering(200), { path });
    await becomes(monitor, "up");
  } finally {
    await rm(parent, { recursive: true });
  }
});
