import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { type SocketProxy, startSocketProxy } from "../bed/socket-proxy.ts";
import {
  type Dependency,
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
  /** One for each way to the runner; both with the same containers. */
  readonly servers: Readonly<Record<Fault["through"], PlatformServer>>;
  readonly front: Front;
  readonly engine: SocketProxy;
  readonly address: { readonly port: number; readonly url: string };
  runner: PlatformProcess;
  restart(options?: { readonly port?: number; readonly env?: NodeJS.ProcessEnv }): Promise<void>;
}

interface Fault {
  readonly what: string;
  /** Several where it depends on the moment: a probe that is under way as a process dies is reset. */
  readonly reasons: readonly string[];
  readonly codes: readonly string[];
  /** How the server gets there: by the runner's own address, or through the proxy. */
  readonly through: "runner" | "front";
  begin(world: World): Promise<void> | void;
  end(world: World): Promise<void> | void;
}

const faults: readonly Fault[] = [
  {
    what: "killed, and started again",
    reasons: ["refused", "reset"],
    codes: ["ECONNREFUSED", "ECONNRESET"],
    through: "runner",
    begin: async ({ runner }) => void (await runner.kill()),
    end: async (world) => await world.restart(),
  },
  {
    what: "stopped, and continued",
    reasons: ["timeout"],
    codes: ["timed-out"],
    through: "runner",
    begin: ({ runner }) => runner.signal("SIGSTOP"),
    end: ({ runner }) => runner.signal("SIGCONT"),
  },
  {
    what: "hung: it accepts and never answers",
    reasons: ["timeout"],
    codes: ["timed-out"],
    through: "front",
    begin: async ({ front }) => await front.set({ mode: "hang" }),
    end: async ({ front }) => await front.set({ mode: "pass" }),
  },
  {
    what: "behind a proxy that cuts every answer",
    reasons: ["reset"],
    codes: ["ECONNRESET"],
    through: "front",
    begin: async ({ front }) => await front.set({ mode: "cut" }),
    end: async ({ front }) => await front.set({ mode: "pass" }),
  },
  {
    what: "with another secret",
    reasons: ["auth-failed"],
    codes: ["invalid_signature"],
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
    reasons: ["clock-skew"],
    codes: ["timestamp_out_of_range"],
    through: "front",
    begin: async ({ front }) => await front.set({ mode: "skew", offsetMs: 600_000, secret: sharedSecret }),
    end: async ({ front }) => await front.set({ mode: "pass" }),
  },
  {
    what: "with a clock ten minutes ahead of the server's",
    reasons: ["clock-skew"],
    codes: ["timestamp_out_of_range"],
    through: "front",
    begin: async ({ front }) => await front.set({ mode: "skew", offsetMs: -600_000, secret: sharedSecret }),
    end: async ({ front }) => await front.set({ mode: "pass" }),
  },
  {
    what: "with its engine down",
    reasons: ["engine-down"],
    codes: ["engine_unreachable"],
    through: "runner",
    begin: async ({ engine }) => await engine.cutAll(),
    end: async ({ engine }) => await engine.restore(),
  },
  {
    what: "with its engine hung",
    reasons: ["engine-down"],
    codes: ["engine_unreachable"],
    through: "runner",
    begin: ({ engine }) => engine.pauseAll(),
    end: async ({ engine }) => await engine.restore(),
  },
  {
    what: "restarted on another port, behind a proxy that follows",
    reasons: ["refused", "reset"],
    codes: ["runner_gateway_error", "ECONNRESET"],
    through: "front",
    begin: async ({ runner }) => void (await runner.kill()),
    end: async (world) => {
      await world.restart({ port: (await freeAddress()).port });
      world.front.follow(world.runner.url);
    },
  },
];

let platform: Platform;
let world: World;
let known: readonly ListedContainer[] = [];

beforeAll(async () => {
  platform = await openPlatform();
  const engine = await startSocketProxy({ target: useBed().socket });
  const address = await freeAddress();
  const runner = await platform.runner({ port: address.port, socket: engine.socket });
  const front = await startFront(runner.url);
  const start = async (url: string, data: string): Promise<PlatformServer> =>
    await platform.server({
      runner: url,
      args: ["--data", data],
      env: {
        ...noRetries,
        DOCKER_RUNNER_CONNECT_PROBE_INTERVAL_MS: String(intervalMs),
        DOCKER_RUNNER_TIMEOUT_MS: "4000",
      },
    });
  const servers = { runner: await start(address.url, "first"), front: await start(front.url, "second") };
  world = {
    servers,
    front,
    engine,
    address,
    runner,
    async restart({ port = address.port, env = {} } = {}) {
      world.runner = await platform.runner({ port, socket: engine.socket, env });
    },
  };
  for (const name of ["one", "two"]) {
    const body = sleeper(`${platform.name}-${name}`);
    const answer = await servers.runner.ask("POST", "/api/containers", { body });
    if (answer.status !== 201) throw new Error(`no container: ${answer.status} ${answer.text}`);
  }
  known = await servers.runner.containers();
});

afterAll(async () => {
  await world.front[Symbol.asyncDispose]();
  await world.engine.restore();
  await platform[Symbol.asyncDispose]();
  await world.engine[Symbol.asyncDispose]();
});

/** One that failed leaves nothing wrong for the next. */
afterEach(async ({ task }) => {
  if (task.result?.state !== "fail") return;
  world.runner.signal("SIGCONT");
  await world.engine.restore();
  await world.front.set({ mode: "pass" });
  await world.runner.kill();
  await world.restart();
  world.front.follow(world.runner.url);
  for (const server of Object.values(world.servers)) {
    await server.retry();
    await server.untilHealth(({ status }) => status === "up");
  }
});

describe.each(faults)("a runner $what", (fault) => {
  /** When the server last looked because of a request, at the latest. */
  let demandedAt = 0;

  test("is known for what it is, every guarded route says 503, and its containers stay known", async () => {
    const server = world.servers[fault.through];
    expect(known.map(({ state }) => state)).toEqual(["running", "running"]);
    expect(await server.containers()).toEqual(known);
    const [{ id } = { id: "" }] = known;
    const began = performance.now();
    await fault.begin(world);
    // Asked before the server can know: answered well, or as by the guard.
    const early = Promise.all(
      Array.from({ length: 10 }, async (_, index) =>
        index % 2 === 0
          ? await server.ask("GET", "/api/containers")
          : await server.ask("POST", `/api/containers/${id}/exec`, { body: { command: ["true"] } }),
      ),
    );
    early.catch(() => undefined);
    const dependency = await untilSeen(server, fault);
    const ms = performance.now() - began;
    console.log(
      `${fault.what}: ${dependency.reason} (${dependency.lastError?.code}) after ${ms.toFixed(0)} ms`,
    );
    expect(ms).toBeLessThan(intervalMs + probeDeadlineMs + slackMs);

    expect(await unlikeNotReady(server, notReady.runner)).toEqual([]);
    expect(await server.containers("?status=all&stale=true")).toEqual(known);
    const stale = await server.ask("GET", "/api/containers?stale=true");
    expect(JSON.parse(stale.text)).toMatchObject({ stale: true, lastSuccessAt: dependency.lastSuccessAt });
    for (const { status, text } of await early)
      expect([status, text]).toEqual(status === 200 ? [200, text] : [503, notReady.runner]);
    expect(await server.health()).toMatchObject({ status: "down", reason: dependency.reason });

    // These have used up the probe of this second, so that clients who ask again and again wait for the next one.
    await fault.end(world);
    await untilReady(addressOf(fault));
    const back = await untilServed(server);
    demandedAt = performance.now();
    console.log(`${fault.what}: up for busy clients after ${back.toFixed(0)} ms`);
    expect(back).toBeLessThan(demandGapMs + 250 + slackMs);
    expect(await server.containers()).toEqual(known);
    expect(await server.health()).toMatchObject({ status: "up", consecutiveFailures: 0 });
  });

  test("is back with the first request once it can answer", async () => {
    const server = world.servers[fault.through];
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await fault.begin(world);
      await untilSeen(server, fault);
      await fault.end(world);
      await untilReady(addressOf(fault));
      // The first request after the quiet of an outage.
      await pause(Math.max(0, demandedAt + demandGapMs - performance.now()));
      expect((await server.health()).status).toBe("down");
      times.push(await untilServed(server));
      demandedAt = performance.now();
      expect(await server.containers()).toEqual(known);
    }
    console.log(`${fault.what}: up after ${times.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    expect(median(times)).toBeLessThan(300);
    expect(server.isAlive).toBe(true);
    expect(server.logs().filter(({ message }) => /unforeseen|Cannot answer/.test(String(message)))).toEqual(
      [],
    );
  });
});

/** The snapshot that says what is wrong. */
async function untilSeen(server: PlatformServer, { reasons, codes }: Fault): Promise<Dependency> {
  // This one was gone first, and is there again as another: nothing but a look tells.
  if (reasons.includes("auth-failed")) await server.retry();
  const { dependency } = await server.untilHealth(
    ({ status, reason = "" }) => status === "down" && reasons.includes(reason),
  );
  expect(codes).toContain(dependency.lastError?.code);
  expect(dependency.lastSuccessAt).toBeDefined();
  return dependency;
}

/** Asks until it is served, and never hears anything but yes and "not ready"; the time from the first request on. */
async function untilServed(server: PlatformServer): Promise<number> {
  const began = performance.now();
  for (;;) {
    const { status, text } = await server.ask("GET", "/api/containers");
    if (status === 200) return performance.now() - began;
    expect([status, text]).toEqual([503, notReady.runner]);
    await pause(20);
  }
}

function addressOf({ through }: Fault): string {
  return through === "front" ? world.front.url : world.address.url;
}
