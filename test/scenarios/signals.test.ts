import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { callEngine } from "../bed/engine-api.ts";
import { openProject, randomFrom, web } from "../support/cli.ts";

/** Ignores its stop signal. */
const deaf = (grace: string): string =>
  `{ container: { image: "lash-base:1", command: "trap '' TERM; while :; do sleep 0.2; done", stop_grace: ${grace} } }`;

describe("a signal during start-up", () => {
  // Half of the instants fall into Node's own start, where nothing exists yet, if they began at 0.
  const random = randomFrom(20_260);
  const instants = Array.from({ length: 6 }, (_, index) => ({
    ms: Math.round(60 + random() * 1100),
    signal: index % 2 === 0 ? ("SIGINT" as const) : ("SIGTERM" as const),
  }));

  test.each(instants)("$signal after $ms ms (seed 20260) leaves nothing", async ({ ms, signal }) => {
    await using project = await openProject({
      resources: `
  db: ${web(0.3)}
  cache: ${web()}
  api: { container: { image: "lash-base:1", command: [open-port, "80", "0.3"], ready: { tcp: 80 }, depends_on: [db] } }
  web: { container: { image: "lash-base:1", command: [open-port, "80"], ready: { tcp: 80 }, depends_on: [api, cache] } }`,
    });
    const up = project.start(["up"]);
    await sleep(ms);
    up.signal(signal);
    const { code, ms: took, stderr } = await up.ended;
    // Ready already: an orderly end. Node not up yet: the kernel's answer to a signal nobody listens for.
    expect([0, signal === "SIGINT" ? 130 : 143], `it said: ${stderr}`).toContain(code);
    expect(took - ms).toBeLessThan(12_000);
    expect(await project.left()).toEqual([]);
  });
});

test("a signal once everything is ready ends with exit 0 and leaves nothing", async () => {
  await using project = await openProject({ resources: `  api: ${web()}` });
  const up = project.start(["up", "--json"]);
  await up.event("stack_started");
  up.signal("SIGINT");
  const { code } = await up.ended;
  expect(code).toBe(0);
  expect(up.lines().map(({ type }) => type)).toContain("stack_started");
  expect(await project.left()).toEqual([]);
});

test("the second signal kills at once and still removes", async () => {
  await using project = await openProject({ resources: `  deaf: ${deaf("60s")}` });
  const up = project.start(["up"]);
  await up.text(/deaf.*ready/);
  up.signal("SIGINT");
  await up.text(/deaf.*stopping/);
  up.signal("SIGINT");
  const sentAt = performance.now();
  await up.ended;
  expect(performance.now() - sentAt).toBeLessThan(4000);
  expect(await project.left()).toEqual([]);
});

test("parallel stop: two that ignore SIGTERM with a grace of 2 s take 2 s, not 4", async () => {
  await using project = await openProject({ resources: `  one: ${deaf("2s")}\n  two: ${deaf("2s")}` });
  const up = project.start(["up"]);
  await up.text(/two.*ready/);
  await up.text(/one.*ready/);
  const sentAt = performance.now();
  up.signal("SIGTERM");
  expect((await up.ended).code).toBe(0);
  const took = performance.now() - sentAt;
  expect(took).toBeGreaterThan(1900);
  expect(took).toBeLessThan(3800);
  expect(await project.left()).toEqual([]);
});

test("stops in reverse order: a dependency goes after its dependents", async () => {
  await using project = await openProject({
    resources: `
  db: ${web()}
  api: { container: { image: "lash-base:1", command: [open-port, "80"], depends_on: [db] } }`,
  });
  await project.ok(["up", "-d"]);
  const [db, api] = await Promise.all([project.container("db"), project.container("api")]);
  const since = Math.floor(Date.now() / 1000) - 1;
  await project.ok(["down"]);
  const filters = encodeURIComponent(
    JSON.stringify({ container: [db.id, api.id], event: ["die", "destroy"] }),
  );
  const until = Math.ceil(Date.now() / 1000) + 1;
  const told = await eventsOf(`/events?since=${since}&until=${until}&filters=${filters}`);
  const order = told.filter(({ Action }) => Action === "die").map(({ Actor }) => Actor.ID);
  expect(order).toEqual([api.id, db.id]);
  expect(await project.left()).toEqual([]);
});

test("a half-created container, its host port taken, is rolled back, and so is what ran before it", async () => {
  await using holder = await openProject({
    resources: `  x: { container: { image: "lash-base:1", command: [open-port, "80"], ports: ["0:80"], ready: { tcp: 80 } } }`,
  });
  await holder.ok(["up", "-d"]);
  const taken = (await holder.inspect("x")).NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort;
  await using project = await openProject({
    resources: `
  db: ${web()}
  api: { container: { image: "lash-base:1", command: [open-port, "80"], ports: ["${taken}:80"], depends_on: [db] } }`,
  });
  const result = await project.ok(["up"], { code: 1 });
  expect(result.stderr).toContain("port-in-use");
  expect(result.stderr).toContain(String(taken));
  expect(await project.left()).toEqual([]);
  expect((await holder.container("x")).state).toBe("running");
});

async function eventsOf(
  path: string,
): Promise<readonly { readonly Action: string; readonly Actor: { readonly ID: string } }[]> {
  const answer = await callEngine(useBed().socket, path);
  return answer.text
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("a signal at the very moment the last resource is ready leaves nothing", async () => {
  await using project = await openProject({ resources: `  api: ${web()}` });
  const up = project.start(["up", "--json"]);
  await up.event("resource_ready");
  up.signal("SIGINT");
  expect([0, 130]).toContain((await up.ended).code);
  expect(await project.left()).toEqual([]);
});
