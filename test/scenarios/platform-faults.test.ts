import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { type SocketProxy, startSocketProxy } from "../bed/socket-proxy.ts";
import {
  type Answer,
  freeAddress,
  type ListedContainer,
  median,
  noRetries,
  notReady,
  openPlatform,
  type Platform,
  type PlatformProcess,
  type PlatformServer,
  pause,
  probeDeadlineMs,
  sharedSecret,
  sleeper,
  unlikeNotReady,
  untilReady,
} from "../support/platform.ts";
import { type Front, startFront } from "../support/runner-front.ts";

// Everything that can happen to a runner, with server, runner and engine real. The server tries again by itself only
// every minute here, so that each return is noticed by the request and by nothing else.

/** Between two probes on demand, at least: src/connectivity/agenda.ts. */
const demandGapMs = 1000;
/** Time for the machine; the figures are printed. */
const slackMs = 500;
const intervalMs = 500;
const rounds = 3;

interface World {
  readonly server: PlatformServer;
  readonly front: Front;
  readonly engine: SocketProxy;
  readonly address: { readonly port: number; readonly url: string };
  runner: PlatformProcess;
  restart(options?: { readonly port?: number; readonly env?: NodeJS.ProcessEnv }): Promise<void>;
}

interface Fault {
  readonly what: string;
  readonly reason: string;
  readonly code: string;
  /** How the server gets there: by the runner's own address, or through the proxy. */
  readonly through: "runner" | "front";
  begin(world: World): Promise<void> | void;
  end(world: World): Promise<void> | void;
}

const faults: readonly Fault[] = [
  {
    what: "killed, and started again",
    reason: "refused",
    code: "ECONNREFUSED",
    through: "runner",
    begin: async ({ runner }) => void (await runner.kill()),
    end: async (world) => await world.restart(),
  },
  {
    what: "stopped, and continued",
    reason: "timeout",
    code: "timed-out",
    through: "runner",
    begin: ({ runner }) => runner.signal("SIGSTOP"),
    end: ({ runner }) => runner.signal("SIGCONT"),
  },
  {
    what: "hung: it accepts and never answers",
    reason: "timeout",
    code: "timed-out",
    through: "front",
    begin: async ({ front }) => await front.set({ mode: "hang" }),
    end: async ({ front }) => await front.set({ mode: "pass" }),
  },
  {
    what: "behind a proxy that cuts every answer",
    reason: "reset",
    code: "ECONNRESET",
    through: "front",
    begin: async ({ front }) => await front.set({ mode: "cut" }),
    end: async ({ front }) => await front.set({ mode: "pass" }),
  },
  {
    what: "with another secret",
    reason: "auth-failed",
    code: "invalid_signature",
    through: "runner",
    begin: async (world) => {
      await world.runner.kill();
      await world.restart({ env: { DOCKER_RUNNER_SHARED_SECRET: "another secret" } });
    },
    end: async (world) => {
      await world.runner.kill();
      await world.restart();
    },
  },
  {
    what: "with a clock ten minutes behind the server's",
    reason: "clock-skew",
    code: "timestamp_out_of_range",
    through: "front",
    begin: async ({ front }) => await front.set({ mode: "skew", offsetMs: 600_000, secret: sharedSecret }),
    end: async ({ front }) => await front.set({ mode: "pass" }),
  },
  {
    what: "with a clock ten minutes ahead of the server's",
    reason: "clock-skew",
    code: "timestamp_out_of_range",
    through: "front",
    begin: async ({ front }) => await front.set({ mode: "skew", offsetMs: -600_000, secret: sharedSecret }),
    end: async ({ front }) => await front.set({ mode: "pass" }),
  },
  {
    what: "with its engine down",
    reason: "engine-down",
    code: "docker_unavailable",
    through: "runner",
    begin: async ({ engine }) => await engine.cutAll(),
    end: async ({ engine }) => await engine.restore(),
  },
  {
    what: "with its engine hung",
    reason: "engine-down",
    code: "docker_unavailable",
    through: "runner",
    begin: ({ engine }) => engine.pauseAll(),
    end: async ({ engine }) => await engine.restore(),
  },
  {
    what: "restarted on another port, behind a proxy that follows",
    reason: "refused",
    code: "runner_gateway_error",
    through: "front",
    begin: async ({ runner }) => void (await runner.kill()),
    end: async (world) => {
      await world.restart({ port: (await freeAddress()).port });
      world.front.follow(world.runner.url);
    },
  },
];

describe.each(faults)("a runner $what", (fault) => {
  let platform: Platform;
  let world: World;
  let known: readonly ListedContainer[] = [];

  beforeAll(async () => {
    platform = await openPlatform();
    const engine = await startSocketProxy({ target: useBed().socket });
    const address = await freeAddress();
    const start = async (port: number, env: NodeJS.ProcessEnv = {}): Promise<PlatformProcess> =>
      await platform.runner({ port, socket: engine.socket, env });
    const runner = await start(address.port);
    const front = await startFront(runner.url);
    const server = await platform.server({
      runner: fault.through === "front" ? front.url : address.url,
      env: {
        ...noRetries,
        DOCKER_RUNNER_CONNECT_PROBE_INTERVAL_MS: String(intervalMs),
        DOCKER_RUNNER_TIMEOUT_MS: "4000",
      },
    });
    world = {
      server,
      front,
      engine,
      address,
      runner,
      async restart({ port = address.port, env = {} } = {}) {
        world.runner = await start(port, env);
      },
    };
    for (const name of ["one", "two"]) {
      const body = sleeper(`${platform.name}-${name}`);
      const answer = await server.ask("POST", "/api/containers", { body });
      expect([answer.status, answer.text]).toEqual([201, expect.stringContaining("running")]);
    }
    known = await server.containers();
  });
  afterAll(async () => {
    await world.front[Symbol.asyncDispose]();
    await world.engine.restore();
    await platform[Symbol.asyncDispose]();
    await world.engine[Symbol.asyncDispose]();
  });

  /** The fault begins, and the server has to say so within its regular pause and one probe. */
  async function begin(): Promise<number> {
    const began = performance.now();
    await fault.begin(world);
    await world.server.retry();
    const { dependency } = await world.server.untilHealth(
      ({ status, reason }) => status === "down" && reason === fault.reason,
    );
    const ms = performance.now() - began;
    expect(dependency).toMatchObject({
      status: "down",
      reason: fault.reason,
      lastError: { code: fault.code },
    });
    expect(dependency.lastSuccessAt).toBeDefined();
    return ms;
  }

  test("is known for what it is, every guarded route says 503, and its containers stay known", async () => {
    const { server } = world;
    expect(known.map(({ state }) => state)).toEqual(["running", "running"]);
    const [{ id = "" } = {}] = known;
    const began = performance.now();
    await fault.begin(world);
    // Asked before the server can know: answered well, or as by the guard.
    const early = Array.from({ length: 10 }, async (_, index) =>
      index % 2 === 0
        ? await server.ask("GET", "/api/containers")
        : await server.ask("POST", `/api/containers/${id}/exec`, { body: { command: ["true"] } }),
    );
    if (fault.reason === "auth-failed") await server.retry();
    const { dependency } = await server.untilHealth(
      ({ status, reason }) => status === "down" && reason === fault.reason,
    );
    const ms = performance.now() - began;
    console.log(`${fault.what}: ${fault.reason} (${dependency.lastError?.code}) after ${ms.toFixed(0)} ms`);
    expect(dependency.lastError?.code).toBe(fault.code);
    expect(ms).toBeLessThan(intervalMs + probeDeadlineMs + slackMs);

    expect(await unlikeNotReady(server, notReady.runner)).toEqual([]);
    expect(await server.containers("?status=all&stale=true")).toEqual(known);
    const stale = await server.ask("GET", "/api/containers?stale=true");
    expect(JSON.parse(stale.text)).toMatchObject({ stale: true, lastSuccessAt: dependency.lastSuccessAt });
    for (const answer of await Promise.all(early)) expectNoNonsense(answer);
    expect(await server.health()).toMatchObject({ status: "down", reason: fault.reason });

    // Clients that ask again and again have used up the probe of this second; they wait for the next one.
    await fault.end(world);
    await untilReady(targetOf(fault));
    const back = performance.now();
    let answer = await server.ask("GET", "/api/containers");
    while (answer.status !== 200) {
      expect([answer.status, answer.text]).toEqual([503, notReady.runner]);
      await pause(20);
      answer = await server.ask("GET", "/api/containers");
    }
    const busyMs = performance.now() - back;
    console.log(`${fault.what}: up for busy clients after ${busyMs.toFixed(0)} ms`);
    expect(busyMs).toBeLessThan(demandGapMs + 250 + slackMs);
    expect(await server.containers()).toEqual(known);
    expect(await server.health()).toMatchObject({ status: "up", consecutiveFailures: 0 });
  });

  test("is back with the first request once it can answer", async () => {
    const { server } = world;
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await begin();
      await fault.end(world);
      await untilReady(targetOf(fault));
      // The first request after the quiet of an outage.
      await pause(demandGapMs);
      expect((await server.health()).status).toBe("down");
      const back = performance.now();
      let answer = await server.ask("GET", "/api/containers");
      while (answer.status !== 200) {
        expect([answer.status, answer.text]).toEqual([503, notReady.runner]);
        answer = await server.ask("GET", "/api/containers");
      }
      times.push(performance.now() - back);
      expect(await server.containers()).toEqual(known);
    }
    console.log(`${fault.what}: up after ${times.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    expect(median(times)).toBeLessThan(300);
    expect(server.isAlive).toBe(true);
    expect(server.logs().filter(({ message }) => /unforeseen|Cannot answer/.test(String(message)))).toEqual(
      [],
    );
  });

  function targetOf({ through }: Fault): string {
    return through === "front" ? world.front.url : world.address.url;
  }
});

function expectNoNonsense({ status, text }: Answer): void {
  if (status === 200) return;
  expect([status, text]).toEqual([503, notReady.runner]);
}
