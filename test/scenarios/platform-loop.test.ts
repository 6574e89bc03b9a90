import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { waitFor } from "../bed/processes.ts";
import { freePort } from "../support/cli.ts";
import {
  ask,
  type Dependency,
  freeAddress,
  noRetries,
  notReady,
  openPlatform,
  type Platform,
  type PlatformServer,
  pause,
  probeDeadlineMs,
  runnerAt,
  sleeper,
} from "../support/platform.ts";
import { type Front, startFront } from "../support/runner-front.ts";

// How often, and when, a server asks its runner whether it is there: counted where the probes arrive.

let platform: Platform;
let front: Front;
beforeEach(async () => {
  platform = await openPlatform();
  front = await startFront((await platform.runner()).url);
});
afterEach(async () => {
  await front[Symbol.asyncDispose]();
  await platform[Symbol.asyncDispose]();
});

const isUp = ({ status }: Dependency): boolean => status === "up";
const isDown = ({ status }: Dependency): boolean => status === "down";

/** So many clients ask without a pause, until the time is over; the statuses they got, with their number. */
async function hammer(
  server: PlatformServer,
  { clients, ms, every = 10 }: { readonly clients: number; readonly ms: number; readonly every?: number },
): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>();
  const until = performance.now() + ms;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() < until) {
        const { status, text } = await server.ask("GET", "/api/containers");
        if (status === 503 && text !== notReady.runner) throw new Error(`a 503 of another kind: ${text}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        await pause(every);
      }
    }),
  );
  return statuses;
}

/** The server listens to its runner's events. */
async function untilStream(): Promise<void> {
  await waitFor(() => (front.streams > 0 ? true : undefined), {
    timeoutMs: 8000,
    describe: () => "no stream is open",
  });
}

/** Pauses between the starts of probes. */
function gaps(probes: readonly { readonly at: number }[]): readonly number[] {
  return probes.slice(1).map(({ at }, index) => at - (probes[index]?.at ?? 0));
}

describe("one loop, never two", () => {
  test("however many clients ask during an outage, probes come one at a time, one a second", async () => {
    const server = await platform.server({ runner: front.url, env: noRetries });
    await server.untilHealth(isUp);
    for (const mode of ["cut", "hang"] as const) {
      await front.set({ mode });
      if (mode === "hang") await server.retry();
      const began = performance.now();
      await server.untilHealth(isDown);
      const ms = 2500;
      const statuses = await hammer(server, { clients: 12, ms });
      expect([...statuses.keys()]).toEqual([503]);
      const passedMs = performance.now() - began;
      const probes = front.probes(began);
      console.log(
        `${mode}: ${probes.length} probes in ${passedMs.toFixed(0)} ms, ${statuses.get(503)} requests refused`,
      );
      // One that found out, and one for each second of requests.
      expect(probes.length).toBeLessThanOrEqual(2 + Math.ceil(passedMs / 1000));
      expect(probes.length).toBeGreaterThanOrEqual(2);
      expect(front.mostProbesAtOnce()).toBe(1);
      await front.set({ mode: "pass" });
      await waitFor(
        async () => ((await server.ask("GET", "/api/containers")).status === 200 ? true : undefined),
        {
          timeoutMs: 5000,
          describe: () => "not served again",
        },
      );
    }
  });

  test("after outages, admin calls and cut streams the steady rate is that of one loop", async () => {
    const intervalMs = 200;
    const server = await platform.server({
      runner: front.url,
      env: {
        DOCKER_RUNNER_CONNECT_PROBE_INTERVAL_MS: String(intervalMs),
        DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS: "50",
      },
    });
    await server.untilHealth(isUp);
    for (const mode of ["closed", "cut", "closed"] as const) {
      await front.set({ mode });
      await server.untilHealth(isDown);
      await Promise.all(Array.from({ length: 10 }, async () => await server.retry()));
      await front.set({ mode: "pass" });
      await server.untilHealth(isUp);
      front.cutStreams();
      await Promise.all(Array.from({ length: 10 }, async () => await server.retry()));
    }
    await pause(500);
    const began = performance.now();
    await pause(3000);
    const probes = front.probes(began);
    console.log(`steady: ${probes.length} probes in 3 s at an interval of ${intervalMs} ms`);
    expect(probes.length).toBeLessThanOrEqual(3000 / intervalMs + 1);
    expect(probes.length).toBeGreaterThanOrEqual(3000 / intervalMs / 2);
    expect(Math.min(...gaps(probes))).toBeGreaterThan(intervalMs * 0.8);
    expect(front.mostProbesAtOnce()).toBe(1);
  });

  test("pauses grow and never pass the maximum; a fall and a return are logged once each; it is back by itself", async () => {
    const [baseMs, maxMs, jitterMs] = [20, 160, 40];
    const server = await platform.server({
      runner: front.url,
      env: {
        DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS: String(baseMs),
        DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS: String(maxMs),
        DOCKER_RUNNER_CONNECT_RETRY_JITTER_MS: String(jitterMs),
      },
    });
    await server.untilHealth(isUp);
    const outages = 3;
    for (let outage = 0; outage < outages; outage += 1) {
      await front.set({ mode: "cut" });
      const { dependency } = await server.untilHealth(({ consecutiveFailures }) => consecutiveFailures >= 12);
      const began = performance.now();
      await front.set({ mode: "pass" });
      await server.untilHealth(isUp);
      // By its next try, without a request.
      expect(performance.now() - began).toBeLessThan(maxMs + 500);
      expect(
        Date.parse(dependency.nextRetryAt ?? "") - Date.parse(dependency.lastCheckedAt ?? ""),
      ).toBeLessThanOrEqual(maxMs);
    }
    const records = server.logs().filter(({ dependency }) => dependency !== undefined);
    const pauses = records.flatMap(({ retryInMs }) => (typeof retryInMs === "number" ? [retryInMs] : []));
    expect(pauses.length).toBeGreaterThanOrEqual(12 * outages);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(maxMs);
    const atTheCap = records.flatMap(({ retryInMs, consecutiveFailures }) =>
      Number(consecutiveFailures) >= 5 && typeof retryInMs === "number" ? [retryInMs] : [],
    );
    expect(Math.min(...atTheCap)).toBeGreaterThanOrEqual(maxMs - jitterMs);
    expect(new Set(atTheCap).size).toBeGreaterThan(5);
    expect(records.filter(({ level }) => level === "error")).toHaveLength(outages);
    expect(records.filter(({ level }) => level === "info")).toHaveLength(outages);
  });
});

describe("what is noticed without waiting", () => {
  test("a stream that is cut is followed by one probe at once, and the runner stays up", async () => {
    const server = await platform.server({ runner: front.url, env: noRetries });
    await server.untilHealth(isUp);
    for (let round = 0; round < 3; round += 1) {
      await untilStream();
      const cutAt = performance.now();
      front.cutStreams();
      const probe = await waitFor(() => front.probes(cutAt)[0], {
        timeoutMs: 2000,
        describe: () => "no probe after the cut",
      });
      expect(probe.at - cutAt).toBeLessThan(500);
      await untilStream();
      expect(await server.health()).toMatchObject({ status: "up", consecutiveFailures: 0 });
    }
  });

  test("a proxy that cuts every stream makes nobody's answer wrong and the runner not down", async () => {
    const server = await platform.server({ runner: front.url, env: noRetries });
    await server.untilHealth(isUp);
    const created = await server.ask("POST", "/api/containers", { body: sleeper(`${platform.name}-one`) });
    const { id } = JSON.parse(created.text) as { readonly id: string };
    await front.set({ mode: "cut-streams", afterMs: 50 });
    const began = performance.now();
    const statuses = await hammer(server, { clients: 4, ms: 2500, every: 25 });
    expect([...statuses.keys()]).toEqual([200]);
    const logs = await server.ask("GET", `/api/containers/${id}/logs`);
    expect([logs.status, logs.text]).toEqual([200, expect.stringContaining("begun")]);
    const exec = await server.ask("POST", `/api/containers/${id}/exec`, {
      body: { command: ["sleep", "0.3"] },
    });
    // Cut in the middle: nobody knows what became of it.
    expect([exec.status, exec.text]).toEqual([503, notReady.runner]);
    expect(await server.health()).toMatchObject({ status: "up" });
    const probes = front.probes(began);
    console.log(`streams cut: ${probes.length} probes in ${(performance.now() - began).toFixed(0)} ms`);
    expect(probes.length).toBeLessThanOrEqual(4 * Math.ceil((performance.now() - began) / 1000) + 1);
    await front.set({ mode: "pass" });
    const after = await server.ask("POST", `/api/containers/${id}/exec`, {
      body: { command: ["sleep", "0.3"] },
    });
    expect(after.status).toBe(200);
  });

  test("as it comes, with no setting changed, a request to a stopped runner is answered and tells of it", async () => {
    const runner = await platform.runner();
    const server = await platform.server({ runner: runner.url });
    await server.untilHealth(isUp);
    const began = performance.now();
    runner.signal("SIGSTOP");
    const [list, { dependency }] = await Promise.all([
      server.ask("GET", "/api/containers"),
      server.untilHealth(isDown),
    ]);
    const ms = performance.now() - began;
    console.log(`stopped, default settings: down and answered after ${ms.toFixed(0)} ms`);
    expect([list.status, list.text, dependency.reason]).toEqual([503, notReady.runner, "timeout"]);
    // A call is waited for a second before it is suspicious: src/server/answer.ts.
    expect(ms).toBeLessThan(1000 + probeDeadlineMs + 500);
    runner.signal("SIGCONT");
    // By itself: by its next try and that one's probe.
    const back = await server.untilHealth(isUp);
    expect(back.ms).toBeLessThan(1500 + probeDeadlineMs);
  });

  test("the end of the server does not wait for a probe that hangs", async () => {
    await front.set({ mode: "hang" });
    const server = await platform.server({ runner: front.url });
    await waitFor(() => front.probes()[0], { timeoutMs: 5000, describe: () => "no probe" });
    const began = performance.now();
    const { code, stderr } = await server.kill("SIGTERM");
    const ms = performance.now() - began;
    console.log(`ended ${ms.toFixed(0)} ms after SIGTERM, during a probe`);
    expect([code, stderr]).toEqual([0, ""]);
    expect(ms).toBeLessThan(500);
    await waitFor(() => front.probes()[0]?.endedAt, {
      timeoutMs: 1000,
      describe: () => "the probe's connection stays",
    });
    expect(front.probes()).toHaveLength(1);
  });
});

describe("retries that are exhausted", () => {
  test("stop, are logged once, and begin again with a request, or an admin's call", async () => {
    await front.set({ mode: "cut" });
    const server = await platform.server({
      runner: front.url,
      env: {
        DOCKER_RUNNER_CONNECT_MAX_RETRIES: "3",
        DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS: "10",
        DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS: "40",
      },
    });
    const { dependency } = await server.untilHealth(({ exhausted }) => exhausted);
    expect(dependency).toMatchObject({ status: "down", consecutiveFailures: 3 });
    expect(dependency).not.toHaveProperty("nextRetryAt");
    const quietFrom = performance.now();
    await pause(600);
    expect(front.probes(quietFrom)).toEqual([]);
    expect(server.isAlive).toBe(true);

    const refused = await server.ask("GET", "/api/containers");
    expect([refused.status, refused.text]).toEqual([503, notReady.runner]);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    await server.untilHealth(({ exhausted, consecutiveFailures }) => exhausted && consecutiveFailures >= 6);
    const exhaustions = server.logs().filter(({ message }) => /retries exhausted/.test(String(message)));
    expect(exhaustions.filter(({ level }) => level === "error")).toHaveLength(1);

    await pause(1000);
    await front.set({ mode: "pass" });
    const first = await server.ask("GET", "/api/containers");
    expect([first.status, first.ms < 300]).toEqual([200, true]);

    await front.set({ mode: "cut" });
    await server.untilHealth(({ exhausted }) => exhausted);
    await front.set({ mode: "pass" });
    await server.retry();
    const { ms } = await server.untilHealth(isUp);
    expect(ms).toBeLessThan(500);
  });
});

describe("clocks", () => {
  test("a server whose clock jumps says clock-skew, and neither a jump ahead nor back keeps it down", async () => {
    const file = join(platform.project.folder, "shift");
    const server = await platform.server({
      runner: front.url,
      env: {
        NODE_OPTIONS: `--import=${join(import.meta.dirname, "../support/clock-shift.ts")}`,
        CLOCK_SHIFT_FILE: file,
        DOCKER_RUNNER_CONNECT_PROBE_INTERVAL_MS: "300",
        DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS: "1000",
      },
    });
    await server.untilHealth(isUp);
    for (const shiftMs of [600_000, -600_000]) {
      await writeFile(file, String(shiftMs));
      server.signal("SIGUSR2");
      const { dependency, ms } = await server.untilHealth(isDown);
      expect([shiftMs, dependency.reason, dependency.lastError?.code]).toEqual([
        shiftMs,
        "clock-skew",
        "timestamp_out_of_range",
      ]);
      const refused = await server.ask("GET", "/api/containers");
      expect([refused.status, refused.text]).toEqual([503, notReady.runner]);
      // A pause in seconds, not in what the clock has jumped by.
      expect(Number(refused.headers["retry-after"])).toBeLessThanOrEqual(2);
      await writeFile(file, "0");
      server.signal("SIGUSR2");
      const back = await server.untilHealth(isUp);
      console.log(
        `clock ${shiftMs} ms: clock-skew after ${ms.toFixed(0)} ms, up ${back.ms.toFixed(0)} ms after it was set right`,
      );
      expect(back.ms).toBeLessThan(1000 + 500);
    }
    const pauses = server
      .logs()
      .flatMap(({ retryInMs }) => (typeof retryInMs === "number" ? [retryInMs] : []));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1000);
  });
});

describe("a log that cannot be written", () => {
  const places = {
    "a full disk": 'exec "$0" "$@" >/dev/full',
    "a pipe whose reader has gone": 'exec "$0" "$@" > >(head -c 1 >/dev/null)',
  };
  test.each(Object.entries(places))("to %s ends neither the server nor its loop", async (_, script) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    await using own = await openPlatform({ under: ["bash", "-c", script] });
    const lash = own.project.start(["server", "--port", String(port), "--name", own.name], {
      env: { ...runnerAt(front.url), DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS: "50" },
    });
    let over = "";
    void lash.ended.then((end) => {
      over = `it ended: ${end.code} ${end.stderr}`;
    });
    const statusIs = async (wanted: string): Promise<void> => {
      await waitFor(
        async () => {
          if (over !== "") throw new Error(over);
          const { text } = await ask(url, "GET", "/health").catch(() => ({ text: "" }));
          return text.includes(`"status":"${wanted}"`) ? true : undefined;
        },
        { timeoutMs: 10_000, describe: () => `not ${wanted}` },
      );
    };
    await statusIs("up");
    for (let outage = 0; outage < 2; outage += 1) {
      await front.set({ mode: "cut" });
      await statusIs("down");
      expect((await ask(url, "GET", "/api/containers")).text).toBe(notReady.runner);
      await front.set({ mode: "pass" });
      await statusIs("up");
    }
    lash.signal("SIGTERM");
    expect((await lash.ended).code).toBe(0);
  });

  test.each(Object.entries(places))("to %s does not end the runner", async (_, script) => {
    const port = await freePort();
    await using own = await openPlatform({ under: ["bash", "-c", script] });
    const lash = own.project.start(["runner"], {
      env: { DOCKER_RUNNER_PORT: String(port), DOCKER_RUNNER_SHARED_SECRET: "a-secret-of-this-test-alone" },
    });
    const answered = async (): Promise<true | undefined> => {
      const answer = await ask(`http://127.0.0.1:${port}`, "GET", "/v1/health").catch(() => undefined);
      return answer?.status === 200 ? true : undefined;
    };
    await waitFor(answered, { timeoutMs: 10_000, describe: () => "the runner does not answer" });
    lash.signal("SIGTERM");
    expect((await lash.ended).code).toBe(0);
  });
});

describe("settings that make no sense", () => {
  test("refuse to start and name the variable", async () => {
    const { url } = await freeAddress();
    const cases: readonly (readonly [NodeJS.ProcessEnv, string])[] = [
      [
        {
          DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS: "5000",
          DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS: "500",
        },
        "DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS",
      ],
      [{ DOCKER_RUNNER_CONNECT_RETRY_JITTER_MS: "-1" }, "DOCKER_RUNNER_CONNECT_RETRY_JITTER_MS"],
      [{ DOCKER_RUNNER_CONNECT_PROBE_INTERVAL_MS: "NaN" }, "DOCKER_RUNNER_CONNECT_PROBE_INTERVAL_MS"],
      [{ DOCKER_RUNNER_CONNECT_MAX_RETRIES: "1.5" }, "DOCKER_RUNNER_CONNECT_MAX_RETRIES"],
      [{ DOCKER_RUNNER_OPTIONAL: "maybe" }, "DOCKER_RUNNER_OPTIONAL"],
      [{ DOCKER_RUNNER_TIMEOUT_MS: "30s" }, "DOCKER_RUNNER_TIMEOUT_MS"],
      [{ DOCKER_RUNNER_SHARED_SECRET: "" }, "DOCKER_RUNNER_SHARED_SECRET"],
      [{ LASH_SERVER_HOST: "0.0.0.0" }, "LASH_SERVER_TOKEN"],
    ];
    const runnerCases: readonly (readonly [NodeJS.ProcessEnv, string])[] = [
      [{ DOCKER_RUNNER_SHARED_SECRET: "" }, "DOCKER_RUNNER_SHARED_SECRET"],
      [{ DOCKER_RUNNER_SHARED_SECRET: "s", DOCKER_RUNNER_PORT: "seven" }, "DOCKER_RUNNER_PORT"],
    ];
    const refused = async (
      args: readonly string[],
      env: NodeJS.ProcessEnv,
      variable: string,
    ): Promise<void> => {
      const end = await platform.project.lash(args, { env });
      expect([variable, end.code, end.stdout]).toEqual([variable, 2, ""]);
      expect(end.stderr).toContain(variable);
    };
    await Promise.all([
      ...cases.map(([env, variable]) =>
        refused(["server", "--port", "0"], { ...runnerAt(url), ...env }, variable),
      ),
      ...runnerCases.map(([env, variable]) => refused(["runner"], env, variable)),
    ]);
  });
});
