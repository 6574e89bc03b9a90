import { expect, test } from "vitest";
import { waitFor } from "../bed/processes.ts";
import { bringDown, openProject, web } from "../support/cli.ts";

test("a declared health check gates for real: the dependent starts only after the port opened", async () => {
  await using project = await openProject({
    resources: `
  db: ${web(1.2, 'healthcheck: { test: "wget -q -O /dev/null http://127.0.0.1:80/", interval: 5s }')}
  api: { container: { image: "lash-base:1", command: [open-port, "80"], depends_on: [db] } }`,
  });
  await project.ok(["up", "-d"]);
  const opened = await logsOf(project, "db");
  const openedMs = Number(/opened 80 (\d+)/.exec(opened)?.[1]);
  const api = await project.inspect("api");
  expect(Date.parse(api.State.StartedAt)).toBeGreaterThanOrEqual(openedMs);
  expect(Date.parse(api.State.StartedAt) - openedMs).toBeLessThan(1500);
  await bringDown(project);
});

test("readiness has the resource's own budget: 500 ms, not a minute", async () => {
  await using project = await openProject({
    resources: `  db: ${web(60, "ready: { tcp: 80, timeout: 500ms }")}`,
  });
  const result = await project.ok(["up"], { code: 1 });
  expect(result.ms).toBeLessThan(6000);
  expect(result.stderr).toMatch(/"db".*not ready/s);
  expect(await project.left()).toEqual([]);
});

test("readiness by log line, http and exec each wait for the real thing", async () => {
  await using project = await openProject({
    resources: `
  line: ${web(0.4, 'ready: { log: "^opened 80" }')}
  page: ${web(0.4, "ready: { http: /, port: 80 }")}
  run: ${web(0.4, 'ready: { exec: "wget -q -O /dev/null http://127.0.0.1/" }')}`,
  });
  const up = project.start(["up", "--json"]);
  await up.event("stack_started");
  for (const name of ["line", "page", "run"]) {
    const ready = Date.parse(String((await up.event("resource_ready", name)).at));
    const opened = Number(/opened 80 (\d+)/.exec(await logsOf(project, name))?.[1]);
    expect(ready, `of ${name}`).toBeGreaterThanOrEqual(opened);
  }
  up.signal("SIGINT");
  expect((await up.ended).code).toBe(0);
  expect(await project.left()).toEqual([]);
});

test("no hang when a dependency fails after it ran: its dependents fail at once, and all is rolled back", async () => {
  await using project = await openProject({
    resources: `
  db: { container: { image: "lash-base:1", command: "echo no disk; sleep 0.5; exit 3", ready: { tcp: 5432 } } }
  api: { container: { image: "lash-base:1", command: [open-port, "80"], depends_on: [db] } }`,
  });
  const result = await project.ok(["up"], { code: 1 });
  expect(result.ms).toBeLessThan(8000);
  expect(result.stderr).toMatch(/"db"/);
  expect(result.stderr).toMatch(/no disk/);
  expect(await project.left()).toEqual([]);
});

test("no hang when a dependency ends after it was ready, while others still start", async () => {
  await using project = await openProject({
    resources: `
  db: { container: { image: "lash-base:1", command: "sleep 0.7; exit 4" } }
  slow: ${web(60)}
  api: { container: { image: "lash-base:1", command: [open-port, "80"], depends_on: [db, slow] } }`,
  });
  const result = await project.ok(["up"], { code: 1 });
  expect(result.ms).toBeLessThan(8000);
  expect(result.stderr).toMatch(/"db"/);
  expect(await project.left()).toEqual([]);
});

test("a crash is noticed within a second and shown with its code and last lines", async () => {
  await using project = await openProject({
    resources: `
  api: { container: { image: "lash-base:1", command: "while ! [ -e /tmp/end ]; do sleep 0.02; done; echo out of cheese; exit 42" } }
  other: ${web()}`,
  });
  const up = project.start(["up", "--json"]);
  await up.event("stack_started");
  await project.ok(["exec", "api", "touch", "/tmp/end"]);
  const exited = await up.event("resource_exited", "api");
  expect(exited).toMatchObject({ exit_code: 42, log_tail: ["out of cheese"] });
  const { State: state } = await finished(project, "api");
  expect(Date.parse(String(exited.at)) - Date.parse(state.FinishedAt)).toBeLessThan(1000);
  const listed = await project.ok(["ps", "--json"]);
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { name: "api", status: "failed", exitCode: 42 },
    { name: "other" },
  ]);
  up.signal("SIGTERM");
  expect((await up.ended).code).toBe(0);
});

test("a crash loop is named as such, and restarts follow the policy", async () => {
  await using project = await openProject({
    resources: `
  api: { container: { image: "lash-base:1", command: "sleep 0.3; exit 1", restart: { mode: on-failure, max: 2 } } }
  other: ${web()}`,
  });
  const up = project.start(["up", "--json"]);
  const failed = await waitFor(
    () => up.lines().find(({ failure }) => (JSON.stringify(failure) ?? "").includes("crash-loop")),
    {
      timeoutMs: 20_000,
      describe: () => up.stdout,
    },
  );
  expect(failed.name).toBe("api");
  up.signal("SIGTERM");
  await up.ended;
  expect(await project.left()).toEqual([]);
});

async function logsOf(project: Awaited<ReturnType<typeof openProject>>, name: string): Promise<string> {
  return (await project.ok(["logs", "--no-prefix", name])).stdout;
}

async function finished(project: Awaited<ReturnType<typeof openProject>>, name: string) {
  return (await project.inspect(name)) as unknown as { State: { FinishedAt: string } };
}
