import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { askEngine, startDocker } from "../bed/engine.ts";
import { waitFor } from "../bed/processes.ts";
import { startSocketProxy } from "../bed/socket-proxy.ts";
import { bringDown, openProject, ownAddresses, web } from "../support/cli.ts";

const two = `  db: ${web()}\n  api: { container: { image: "lash-base:1", command: [open-port, "80"], ready: { tcp: 80 }, depends_on: [db] } }`;

test("the engine restarts under a supervised stack: lost and back are said, what still runs is kept", async () => {
  await using engine = await startDocker({ args: ["--live-restore", ...ownAddresses(1)] });
  await engine.loadImages("base");
  await using project = await openProject({ socket: engine.socket, resources: two });
  const up = project.start(["up", "--json"]);
  await up.event("stack_started");
  const before = await project.containers();
  await engine.kill("SIGTERM");
  await up.event("engine_lost");
  await engine.restart();
  await up.event("engine_back", undefined, { timeoutMs: 30_000 });
  expect(await project.containers()).toEqual(before);

  // Supervision goes on: a crash is seen.
  const { id } = await project.container("api");
  await askEngine(engine.socket, `/containers/${id}/kill`, { method: "POST" });
  expect(await up.event("resource_exited", "api")).toMatchObject({ exit_code: 137 });
  up.signal("SIGINT");
  expect((await up.ended).code).toBe(0);
  expect(await project.left()).toEqual([]);
});

test("an engine that takes its containers along: their ends are seen when it is back, and policies are applied", async () => {
  await using engine = await startDocker({ args: ownAddresses(2) });
  await engine.loadImages("base");
  await using project = await openProject({
    socket: engine.socket,
    resources: `  plain: ${web()}\n  again: ${web(0, "restart: on-failure, stop_signal: SIGKILL, ready: { tcp: 80 }")}`,
  });
  const up = project.start(["up", "--json"]);
  await up.event("stack_started");
  await engine.kill("SIGTERM");
  await up.event("engine_lost");
  await engine.restart();
  await up.event("engine_back", undefined, { timeoutMs: 30_000 });
  await waitFor(async () => ((await project.container("again")).state === "running" ? true : undefined), {
    timeoutMs: 20_000,
    describe: () => up.stdout,
  });
  expect((await project.container("plain")).state).toBe("exited");
  up.signal("SIGINT");
  expect((await up.ended).code).toBe(0);
  expect(await project.left()).toEqual([]);
});

// Mostly waiting, so the others run meanwhile.
test.concurrent("a hung engine: one Ctrl+C ends within a bound and says why", async () => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({ socket: proxy.socket, resources: two });
  const up = project.start(["up", "--json"], { timeoutMs: 100_000 });
  await up.event("stack_started");
  proxy.pauseAll();
  try {
    up.signal("SIGINT");
    const { code, ms } = await up.ended;
    expect([1, 3, 130]).toContain(code);
    expect(ms).toBeLessThan(45_000);
  } finally {
    proxy.resume();
  }
  await bringDown(project);
}, 120_000);

test.concurrent("the socket is cut while the stack is supervised: nothing is torn down, and a down afterwards leaves nothing", async () => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({ socket: proxy.socket, resources: two });
  const up = project.start(["up", "--json"]);
  await up.event("stack_started");
  const before = await project.containers();
  await proxy.cutAll();
  await up.event("engine_lost");
  await proxy.restore();
  await up.event("engine_back", undefined, { timeoutMs: 30_000 });
  expect(await project.containers()).toEqual(before);
  up.signal("SIGTERM");
  expect((await up.ended).code).toBe(0);
  expect(await project.left()).toEqual([]);
});

test.concurrent.each([1, 2, 3])(
  "the socket is cut at create number %i of a start-up: it ends, and a down leaves nothing",
  async (nth) => {
    await using proxy = await startSocketProxy({ target: useBed().socket });
    await using project = await openProject({ socket: proxy.socket, resources: `${two}\n  third: ${web()}` });
    proxy.fault({ when: { method: "POST", path: "/containers/create" }, nth, do: { action: "cut-after" } });
    const result = await project.lash(["up", "-d"], { timeoutMs: 30_000 });
    // Either the lost answer was made good, or the start-up failed cleanly.
    expect([0, 1, 3], `it said: ${result.stderr}`).toContain(result.code);
    const left = await project.left();
    expect(left.length > 0, `it said: ${result.stderr}`).toBe(result.code === 0);
    await proxy.restore();
    await bringDown(project);
  },
);

test.concurrent("the engine dies during a start-up: it ends in time, and once the engine is back a down leaves nothing", async () => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({ socket: proxy.socket, resources: `${two}\n  slow: ${web(60)}` });
  const up = project.start(["up", "--json", "--timeout", "3s"]);
  await up.event("resource_started", "db");
  await proxy.cutAll({ as: "missing" });
  const { code, ms } = await up.ended;
  expect([1, 3]).toContain(code);
  expect(ms).toBeLessThan(40_000);
  await proxy.restore();
  await bringDown(project);
});

test.concurrent("a hung engine: the third Ctrl+C ends Lash on the spot, and a later down removes everything", async () => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({ socket: proxy.socket, resources: two });
  const up = project.start(["up", "--json"]);
  await up.event("stack_started");
  proxy.pauseAll();
  try {
    const sentAt = performance.now();
    for (let press = 1; press <= 3; press += 1) {
      up.signal("SIGINT");
      await sleep(200);
    }
    expect((await up.ended).code).toBe(130);
    expect(performance.now() - sentAt).toBeLessThan(5000);
  } finally {
    proxy.resume();
  }
  await bringDown(project);
});
