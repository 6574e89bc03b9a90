import { expect, test } from "vitest";
import { bringDown, openProject, type Project, web } from "../support/cli.ts";

const page = (more: string, command = '[open-port, "80"]'): string =>
  `{ container: { image: "lash-base:1", command: ${command}, ready: { tcp: 80, timeout: 2s }${more} } }`;

async function ids(project: Project): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await project.containers()).map(({ resource, id }) => [resource, id]));
}

test("a changed manifest converges: only what changed is recreated, with the dependents whose configuration changed", async () => {
  const text = (port: string, level: string): string => `
  db: ${page("", `[open-port, "${port}"]`).replace("tcp: 80", `tcp: ${port}`).replace("ready", `ports: ["0:${port}"], ready`)}
  user: ${page(', env: { DB: "${resources.db.port}" }')}
  late: ${page(", depends_on: [user]")}
  other: ${page(`, env: { LEVEL: ${level} }`)}`;
  await using project = await openProject({ resources: text("80", "a") });
  await project.ok(["up", "-d"]);
  const first = await ids(project);

  await project.ok(["up", "-d"]);
  expect(await ids(project)).toEqual(first);

  await project.manifest(text("80", "b"));
  const plan = await project.ok(["up", "--plan"]);
  expect(plan.stdout).toMatch(/other/);
  expect(await ids(project)).toEqual(first);
  await project.ok(["up", "-d"]);
  const second = await ids(project);
  expect(second).toEqual({ ...first, other: second["other"] });
  expect(second["other"]).not.toBe(first["other"]);

  await project.manifest(text("81", "b"));
  await project.ok(["up", "-d"]);
  const third = await ids(project);
  expect(third["db"]).not.toBe(second["db"]);
  expect(third["user"]).not.toBe(second["user"]);
  expect(third).toMatchObject({ late: second["late"], other: second["other"] });
  expect(await project.containers()).toHaveLength(4);
  await bringDown(project);
});

test("a replacement that fails brings the old container back", async () => {
  await using project = await openProject({ resources: `  api: ${page("")}` });
  await project.ok(["up", "-d"]);
  const before = await project.container("api");
  await project.manifest(`  api: ${page("", "exit 3")}`);
  const failed = await project.ok(["up", "-d"], { code: 1 });
  expect(failed.stderr).toContain("runs again as it was before");
  expect(await project.containers()).toMatchObject([{ id: before.id, name: before.name, state: "running" }]);

  await project.manifest(`  api: ${page("").replace("lash-base:1", "lash-nowhere.invalid/none:1")}`);
  await project.ok(["up", "-d"], { code: 1 });
  expect(await project.containers()).toMatchObject([{ id: before.id, state: "running" }]);
  await bringDown(project);
});

test("orphans are reported and left alone, and removed with --remove-orphans", async () => {
  await using project = await openProject({ resources: `  api: ${web()}\n  old: ${web()}` });
  await project.ok(["up", "-d"]);
  await project.manifest(`  api: ${web()}`);
  const told = await project.ok(["up", "-d"]);
  expect(told.stderr).toContain(`${project.name}.old`);
  expect(told.stderr).toContain("--remove-orphans");
  expect(JSON.parse((await project.ok(["ps", "--json"])).stdout)).toMatchObject([
    { name: "api", orphan: false },
    { name: "old", orphan: true, status: expect.any(String) },
  ]);
  await project.ok(["up", "-d", "--remove-orphans"]);
  expect((await project.containers()).map(({ resource }) => resource)).toEqual(["api"]);
  await bringDown(project);
});

test("what was stopped is started, not recreated; what was removed by hand is made again", async () => {
  await using project = await openProject({ resources: `  api: ${web()}\n  other: ${web()}` });
  await project.ok(["up", "-d"]);
  const first = await ids(project);
  await project.ok(["stop", "api"]);
  expect((await project.container("api")).state).toBe("exited");
  await project.ok(["up", "-d"]);
  expect(await ids(project)).toEqual(first);
  expect((await project.container("api")).state).toBe("running");
  await project.ok(["up", "-d", "--force-recreate", "other"]);
  const second = await ids(project);
  expect(second["api"]).toBe(first["api"]);
  expect(second["other"]).not.toBe(first["other"]);
  await bringDown(project);
});

test("the same project from another path is refused by name, and taken over with --adopt", async () => {
  await using project = await openProject({ resources: `  api: ${web()}` });
  await using copy = await openProject({ name: project.name, resources: `  api: ${web()}` });
  await project.ok(["up", "-d"]);
  await project.ok(["ps"]);
  const { id } = await project.container("api");
  const env = { XDG_RUNTIME_DIR: project.env["XDG_RUNTIME_DIR"] };
  const refused = await copy.ok(["up", "-d"], { env, code: 1 });
  expect(refused.stderr).toContain("stack-elsewhere");
  expect(refused.stderr).toContain(project.folder);
  expect((await project.container("api")).id).toBe(id);
  await copy.ok(["up", "-d", "--adopt"], { env });
  expect((await project.container("api")).state).toBe("running");
  await copy.ok(["down"], { env });
  expect(await project.left()).toEqual([]);
});

// The labels of what runs still name the former manifest.
test("a stack that was taken over belongs to the new manifest from then on", async () => {
  await using project = await openProject({ resources: `  api: ${web()}` });
  await using copy = await openProject({ name: project.name, resources: `  api: ${web()}` });
  const env = { XDG_RUNTIME_DIR: project.env["XDG_RUNTIME_DIR"] };
  await project.ok(["up", "-d"]);
  await copy.ok(["up", "-d", "--adopt"], { env });
  await copy.ok(["up", "-d"], { env });
});

test("up of one resource starts it with what it needs and nothing else; --no-deps only itself", async () => {
  await using project = await openProject({
    resources: `
  db: ${web()}
  api: ${page(", depends_on: [db]")}
  web: ${page(", depends_on: [api]")}
  extra: ${page(", profiles: [more]")}`,
  });
  await project.ok(["up", "-d", "--no-deps", "api"]);
  expect(Object.keys(await ids(project))).toEqual(["api"]);
  await project.ok(["up", "-d", "api"]);
  expect(Object.keys(await ids(project))).toEqual(["api", "db"]);
  await project.ok(["up", "-d"]);
  expect(Object.keys(await ids(project))).toEqual(["api", "db", "web"]);
  await project.ok(["--profile", "more", "up", "-d"]);
  expect(Object.keys(await ids(project))).toEqual(["api", "db", "extra", "web"]);
  await bringDown(project);
});

test("--keep leaves what was started when something fails; --timeout gives up by name", async () => {
  await using project = await openProject({
    resources: `
  db: ${web()}
  api: { container: { image: "lash-base:1", command: "exit 3", ready: { tcp: 80 }, depends_on: [db] } }`,
  });
  await project.ok(["up", "--keep"], { code: 1 });
  expect((await project.container("db")).state).toBe("running");
  await bringDown(project);

  await project.manifest(`  slow: ${web(60)}`);
  const late = await project.ok(["up", "--timeout", "700ms"], { code: 1 });
  expect(late.stderr).toMatch(/"slow"/);
  expect(late.ms).toBeLessThan(8000);
  expect(await project.left()).toEqual([]);
});
