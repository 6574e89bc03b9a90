import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { startSocketProxy } from "../bed/socket-proxy.ts";
import { openProject } from "../support/cli.ts";

const head = "project: { name: bad }\nresources:\n";
const container = (fields: string): string => `${head}  api: { container: { image: "x:1", ${fields} } }\n`;

/** "a" refers to ten of "b", which refers to ten of "c"... */
function bomb(): string {
  const levels = Array.from({ length: 12 }, (_, index) => {
    const inside = index === 0 ? '"lol"' : Array.from({ length: 10 }, () => `*a${index - 1}`).join(", ");
    return `x-${index}: &a${index} [${inside}]`;
  });
  return `${levels.join("\n")}\n${head}  api: { container: { image: "x:1", command: *a11 } }\n`;
}

const manifests: readonly (readonly [what: string, text: string, says: RegExp])[] = [
  ["invalid YAML", `${head}  api: { container: { image: "x:1" }\n   b: ][`, /lash\.yml:\d+:\d+/],
  ["an unknown key", container("imagee: y"), /lash\.yml:3:\d+.*imagee/s],
  ["an unknown kind", `${head}  api: { contaner: { image: "x:1" } }\n`, /contaner.*container/s],
  ["no project", "resources: {}\n", /project/],
  [
    "a cycle",
    `${head}  a: { container: { image: "x:1", depends_on: [b] } }\n  b: { container: { image: "x:1", depends_on: [a] } }\n`,
    /a.*b/s,
  ],
  ["an unknown dependency", container("depends_on: [db]"), /db/],
  ["an unknown reference", container('env: { A: "${resources.db.url}" }'), /db/],
  [
    "an unknown property",
    `${head}  db: { redis: {} }\n  api: { container: { image: "x:1", env: { A: "\${resources.db.ulr}" } } }\n`,
    /ulr.*url/s,
  ],
  ["a bad port", container('ports: ["99999:80"]'), /99999/],
  ["a bad duration", container('stop_grace: "1..2s"'), /1\.\.2s/],
  ["a bad image", `${head}  api: { container: { image: "UPPER//x::" } }\n`, /UPPER/],
  ["a bad name", `${head}  1api: { container: { image: "x:1" } }\n`, /1api/],
  ["a bad volume", container('volumes: ["nowhere"]'), /nowhere/],
  ["900 KB of garbage", "\u0001\u0002]{{[:%&*!\n".repeat(75_000), /lash\.yml/],
  [
    "900 KB of keys",
    `${head}${Array.from({ length: 20_000 }, (_, index) => `  r${index}: { contaner: { image: x } }\n`).join("")}`,
    /more/,
  ],
  ["5 MB of garbage", "a".repeat(5_000_000), /1 MiB|too large|bytes/i],
  ["a billion laughs", bomb(), /lash\.yml/],
];

test.each(manifests)("%s: exit 2, at once, without a call to the engine", async (_, text, says) => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({ socket: proxy.socket });
  await project.write("lash.yml", text);
  const result = await project.ok(["up", "-d"], { code: 2 });
  expect(result.stderr).toMatch(says);
  expect(result.ms).toBeLessThan(4000);
  expect(result.stderr.length).toBeLessThan(60_000);
  expect(proxy.calls).toEqual([]);
});

test("all problems are told at once, the first 100 one by one and the rest as a count", async () => {
  await using project = await openProject();
  await project.write(
    "lash.yml",
    `${head}${Array.from({ length: 130 }, (_, index) => `  r${index}: { container: { image: "x:1", prots: [] } }\n`).join("")}`,
  );
  const result = await project.ok(["validate"], { code: 2 });
  expect(result.stderr.match(/lash\.yml:\d+:\d+/g)).toHaveLength(100);
  expect(result.stderr).toMatch(/30 more/);
});

test("validate: a good manifest is exit 0 and asks no engine, nor for variables", async () => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({
    socket: proxy.socket,
    resources: '  api: { container: { image: "x:1", env: { A: "${env.NOT_SET}" } } }',
  });
  await project.ok(["validate"]);
  expect(proxy.calls).toEqual([]);
  expect((await project.ok(["up"], { code: 2 })).stderr).toContain("NOT_SET");
  expect(proxy.calls.filter(({ path }) => path !== "/_ping")).toEqual([]);
});

test("a manifest that is missing, or a folder: exit 2 without a call to the engine", async () => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({ socket: proxy.socket });
  expect((await project.ok(["up"], { code: 2 })).stderr).toContain("manifest-not-found");
  await mkdir(join(project.folder, "folder.yml"));
  expect((await project.ok(["-f", "folder.yml", "up"], { code: 2 })).stderr).toContain("folder.yml");
  expect((await project.ok(["-f", "none.yml", "up"], { code: 2 })).stderr).toContain("none.yml");
  await project.manifest('  api: { container: { image: "lash-base:1" } }');
  expect(proxy.calls).toEqual([]);
});

// Node reads --env-file itself, wherever it stands: nodejs/node#54232.
test("an env file that is missing: exit 2 without a call to the engine", async () => {
  await using proxy = await startSocketProxy({ target: useBed().socket });
  await using project = await openProject({
    socket: proxy.socket,
    resources: '  api: { container: { image: "lash-base:1" } }',
  });
  expect((await project.ok(["--env-file", "none.env", "up"], { code: 2 })).stderr).toContain("none.env");
  expect(proxy.calls).toEqual([]);
});

test("an unknown command and an unknown flag suggest the nearest: exit 2", async () => {
  await using project = await openProject();
  expect((await project.ok(["pss"], { code: 2 })).stderr).toContain("ps");
  expect((await project.ok(["up", "--detatch"], { code: 2 })).stderr).toContain("--detach");
});

test("no engine: exit 3 with what was tried and what to do", async () => {
  await using project = await openProject({
    env: { DOCKER_HOST: "unix:///nowhere/docker.sock" },
    resources: '  api: { container: { image: "lash-base:1" } }',
  });
  const result = await project.ok(["up"], { code: 3 });
  expect(result.stderr).toContain("engine-unreachable");
  expect(result.stderr).toContain("/nowhere/docker.sock");
  expect(result.ms).toBeLessThan(4000);
  const json = await project.ok(["up", "--json"], { code: 3 });
  expect(JSON.parse(json.stdout)).toMatchObject({
    error: { code: "engine-unreachable", hint: expect.any(String) },
  });
});

test("a manifest of an unknown version of LightShuttle's format is refused; v0 is read and runs", async () => {
  await using project = await openProject();
  await project.write("lightshuttle.yml", "lightshuttle: v9\nproject: { name: x }\nresources: {}\n");
  expect((await project.ok(["validate"], { code: 2 })).stderr).toContain("v9");
  await project.write(
    "lightshuttle.yml",
    `lightshuttle: v0\nproject: { name: ${project.name} }\nresources:\n  api: { container: { image: "lash-base:1", command: [open-port, "80"] } }\ndashboard: { port: 9000 }\n`,
  );
  await project.ok(["up", "-d"]);
  await project.ok(["down"]);
  expect(await project.left()).toEqual([]);
});
