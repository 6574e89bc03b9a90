import assert from "node:assert/strict";
import { conformanceCase, rejectsWith, serve } from "./bench.ts";
import type { ConformanceCase } from "./harness.ts";

const noCheck = { intervalMs: 100, timeoutMs: 1000, retries: 2, startPeriodMs: 0 };

/** Ports and health. */
export const publishingCases: readonly ConformanceCase[] = [
  conformanceCase("a port published as 0 gets a real one, while it runs", ["ports"], async (bench) => {
    const ports = [
      { hostIp: "127.0.0.1", hostPort: 0, containerPort: 80, protocol: "tcp" },
      { hostIp: "127.0.0.1", hostPort: 0, containerPort: 81, protocol: "tcp" },
    ] as const;
    const name = await bench.create(serve, { ports });
    assert.deepEqual((await bench.facts(name)).ports, []);
    await bench.engine.start(name, bench);
    const found = (await bench.facts(name)).ports;
    assert.deepEqual(
      found.map((port) => port.containerPort).sort((a, b) => a - b),
      [80, 81],
    );
    assert.equal(new Set(found.map((port) => port.hostPort)).size, 2);
    for (const port of found) {
      assert.ok((port.hostPort ?? 0) > 0, `host port ${port.hostPort}`);
      assert.equal(port.hostIp, "127.0.0.1");
      assert.equal(port.protocol, "tcp");
    }
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 3000 });
    assert.deepEqual((await bench.facts(name)).ports, []);
  }),

  conformanceCase(
    "a port that another one holds is refused, with the port in the text",
    ["ports"],
    async (bench) => {
      const holder = await bench.start(serve, { ports: [anyPort] }, "holder");
      const hostPort = (await bench.facts(holder)).ports[0]?.hostPort;
      assert.ok(hostPort !== undefined);
      const second = await bench.create(serve, { ports: [{ ...anyPort, hostPort }] }, "second");
      const message = await rejectsWith(bench.engine.start(second, bench), "engine-refused");
      assert.match(message, new RegExp(String(hostPort)));
      assert.match(message, /already allocated|already in use/);
      assert.notEqual(await bench.state(second), "running");
      await bench.engine.stop(holder, { signal: bench.signal, graceMs: 3000 });
      await bench.engine.start(second, bench);
      assert.equal((await bench.facts(second)).ports[0]?.hostPort, hostPort);
    },
  ),

  conformanceCase("without a check there is no health", [], async (bench) => {
    const name = await bench.serving(serve);
    const { health, healthOutput } = await bench.facts(name);
    assert.equal(health, "none");
    assert.equal(healthOutput, "");
  }),

  conformanceCase("health turns from starting to healthy, with an event", ["health"], async (bench) => {
    const healthcheck = { ...noCheck, retries: 100, test: ["CMD-SHELL", "test -f /tmp/ready"] };
    const stop = new AbortController();
    const opened = Promise.withResolvers<void>();
    const actions: string[] = [];
    const listening = Promise.allSettled([
      (async () => {
        const options = { signal: stop.signal, onOpen: () => opened.resolve() };
        for await (const event of bench.engine.events(bench.labels, options)) actions.push(event.action);
      })(),
    ]);
    await opened.promise;
    const name = await bench.start({ kind: "ready later", afterMs: 1000 }, { healthcheck });
    assert.equal((await bench.facts(name)).health, "starting");
    await bench.eventually(async () => (await bench.facts(name)).health === "healthy", "never healthy");
    await bench.eventually(
      async () => actions.includes("health_status: healthy"),
      `events: ${actions.join(", ")}`,
    );
    stop.abort(new Error("listened enough"));
    await listening;
  }),

  conformanceCase(
    "a check that keeps failing makes it unhealthy, and its words are told",
    ["health"],
    async (bench) => {
      const healthcheck = { ...noCheck, test: ["CMD-SHELL", "echo not yet; test -f /tmp/ready"] };
      const name = await bench.start({ kind: "ready later", afterMs: 600_000 }, { healthcheck });
      await bench.eventually(async () => (await bench.facts(name)).health === "unhealthy", "never unhealthy");
      assert.match((await bench.facts(name)).healthOutput, /not yet/);
    },
  ),

  conformanceCase("the check can be turned off", ["health"], async (bench) => {
    const name = await bench.serving(serve, { healthcheck: { ...noCheck, test: ["NONE"] } });
    assert.equal((await bench.facts(name)).health, "none");
  }),
];

const anyPort = { hostIp: "127.0.0.1", hostPort: 0, containerPort: 80, protocol: "tcp" } as const;
