import { expect, test } from "vitest";
import { waitFor } from "../bed/processes.ts";
import { bringDown, type Line, openProject, type Project, web } from "../support/cli.ts";

const two = `  db: ${web()}\n  api: { container: { image: "lash-base:1", command: [open-port, "80"], ready: { tcp: 80 }, depends_on: [db] } }`;

async function gone(pid: number): Promise<void> {
  const alive = (): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  await waitFor(() => (alive() ? undefined : true), {
    timeoutMs: 10_000,
    describe: () => `process ${pid} still runs`,
  });
}

function supervisorOf(stdout: string): number {
  const line = stdout.split("\n").find((each) => each.includes('"supervisor_started"')) ?? "{}";
  return Number((JSON.parse(line) as Line)["pid"]);
}

test("two `up` at once: the second exits 1 and names the holder, the first goes on", async () => {
  await using project = await openProject({ resources: two });
  const first = project.start(["up", "--json"]);
  await first.event("stack_started");
  const second = await project.ok(["up"], { code: 1 });
  expect(second.stderr).toContain("stack-held");
  expect(second.stderr).toContain(String(first.pid));
  expect((await project.containers()).map(({ state }) => state)).toEqual(["running", "running"]);
  first.signal("SIGINT");
  expect((await first.ended).code).toBe(0);
  expect(await project.left()).toEqual([]);
});

test("two `up` started together: one wins, one is refused, and nothing is made twice", async () => {
  await using project = await openProject({ resources: two });
  const both = [project.start(["up", "--json"]), project.start(["up", "--json"])];
  const loser = await Promise.race(both.map(({ ended }) => ended));
  expect(loser.code).toBe(1);
  expect(loser.stdout).toContain('"stack-held"');
  const winner = both.find(({ stdout }) => !stdout.includes('"stack-held"'));
  await winner?.event("stack_started");
  expect(await project.containers()).toHaveLength(2);
  winner?.signal("SIGINT");
  expect((await winner?.ended)?.code).toBe(0);
  expect(await project.left()).toEqual([]);
});

test("`down` from another terminal is honoured by a foreground `up`, which says so and exits 0", async () => {
  await using project = await openProject({ resources: two });
  const up = project.start(["up"]);
  await up.text(/api.*ready/);
  await project.ok(["ps"]);
  await project.ok(["down"]);
  const { code, stderr } = await up.ended;
  expect(code, `it said: ${stderr}`).toBe(0);
  expect(stderr).toContain("brought down from elsewhere");
  expect(await project.left()).toEqual([]);
});

test("`down` from another terminal during a start-up ends that `up` and leaves nothing", async () => {
  await using project = await openProject({ resources: `  db: ${web(60)}` });
  const up = project.start(["up", "--json"]);
  await up.event("resource_started");
  await project.ok(["down"]);
  expect((await up.ended).ms).toBeLessThan(20_000);
  expect(await project.left()).toEqual([]);
});

test("`stop`, `start` and `restart` from another terminal are honoured by a foreground `up`", async () => {
  await using project = await openProject({ resources: two });
  const up = project.start(["up", "--json"]);
  await up.event("stack_started");
  const before = await states(project);

  await project.ok(["stop", "api"]);
  await up.event("resource_stopped", "api");
  expect((await states(project))["api"]?.state).toBe("exited");
  await project.ok(["start", "api"]);
  expect((await states(project))["api"]?.state).toBe("running");

  const seen = up.lines().length;
  await project.ok(["restart", "db"]);
  const after = await states(project);
  expect(after["db"]?.id).toBe(before["db"]?.id);
  expect(after["db"]?.startedAt).not.toBe(before["db"]?.startedAt);
  const later = up
    .lines()
    .slice(seen)
    .filter(({ name }) => name === "db")
    .map(({ type }) => type);
  expect(
    later.filter((type) => ["resource_stopped", "resource_started", "resource_ready"].includes(String(type))),
  ).toEqual(["resource_stopped", "resource_started", "resource_ready"]);
  // A stop on purpose is no crash.
  expect(up.lines().map(({ type }) => type)).not.toContain("resource_failed");
  up.signal("SIGTERM");
  expect((await up.ended).code).toBe(0);
  expect(await project.left()).toEqual([]);
});

test("restart touches only its target, its dependents keep running", async () => {
  await using project = await openProject({ resources: two });
  await project.ok(["up", "-d"]);
  const before = await states(project);
  await project.ok(["restart", "db"]);
  const after = await states(project);
  expect(after["api"]).toEqual(before["api"]);
  expect(after["db"]?.startedAt).not.toBe(before["db"]?.startedAt);
  expect(after["db"]?.state).toBe("running");
  await bringDown(project);
});

test("restart follows a resource that is ready at once, and two at the same time restart it once each or refuse", async () => {
  await using project = await openProject({
    resources: `  fast: { container: { image: "lash-base:1", command: [open-port, "80"] } }`,
  });
  await project.ok(["up", "-d"]);
  const done = await project.ok(["restart", "fast", "--json"]);
  expect(JSON.parse(done.stdout)).toMatchObject({ done: "restart", resources: ["fast"] });
  const both = await Promise.all([project.lash(["restart", "fast"]), project.lash(["restart", "fast"])]);
  const refused = both.filter(({ code }) => code !== 0);
  expect(refused.length).toBeLessThan(2);
  expect(refused.every(({ stderr }) => stderr.includes("resource-busy"))).toBe(true);
  expect((await project.container("fast")).state).toBe("running");
  await bringDown(project);
});

test("`up -d` twice hands over: one supervisor at a time, the same containers", async () => {
  await using project = await openProject({ resources: two });
  const first = await project.ok(["up", "-d", "--json"]);
  const before = await states(project);
  const second = await project.ok(["up", "-d", "--json"]);
  expect(await states(project)).toEqual(before);
  const [old, now] = [supervisorOf(first.stdout), supervisorOf(second.stdout)];
  expect(now).not.toBe(old);
  await gone(old);
  await bringDown(project);
  await gone(now);
});

test("a foreground `up` takes over from the supervisor in the background", async () => {
  await using project = await openProject({ resources: two });
  const pid = supervisorOf((await project.ok(["up", "-d", "--json"])).stdout);
  const up = project.start(["up", "--json"]);
  await up.event("stack_started");
  await gone(pid);
  up.signal("SIGINT");
  expect((await up.ended).code).toBe(0);
  expect(await project.left()).toEqual([]);
});

test("the supervisor in the background restarts what crashes, as its policy says", async () => {
  await using project = await openProject({
    resources: `
  api:
    container:
      image: "lash-base:1"
      command: "trap 'exit 0' TERM; while ! [ -e /tmp/end ]; do sleep 0.02; done; rm /tmp/end; exit 9"
      restart: on-failure`,
  });
  await project.ok(["up", "-d"]);
  const before = await states(project);
  await project.ok(["exec", "api", "touch", "/tmp/end"]);
  await waitFor(
    async () => {
      const now = (await states(project))["api"];
      return now?.state === "running" && now.startedAt !== before["api"]?.startedAt ? true : undefined;
    },
    { timeoutMs: 10_000, describe: () => "it was not restarted" },
  );
  await bringDown(project);
});

async function states(project: Project) {
  const all = await Promise.all(
    (await project.containers()).map(async ({ resource, id, state }) => {
      const { State: inside } = await project.inspect(resource);
      return [resource, { id, state, startedAt: inside.StartedAt }] as const;
    }),
  );
  return Object.fromEntries(all);
}
