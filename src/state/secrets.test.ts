import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureSecrets, readSecrets } from "./secrets.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lash-secrets-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("ensureSecrets() makes passwords once and keeps them", async () => {
  const first = await ensureSecrets(directory, ["db"]);
  const second = await ensureSecrets(directory, ["db", "cache"]);
  expect(second["db"]).toBe(first["db"]);
  expect(second["cache"]).not.toBe(first["db"]);
  expect(await readSecrets(directory)).toEqual(second);
});

test("ensureSecrets() makes 24 characters without look-alikes", async () => {
  const names = Array.from({ length: 200 }, (_, index) => `db-${index}`);
  const secrets = Object.values(await ensureSecrets(directory, names));
  expect(new Set(secrets).size).toBe(200);
  for (const secret of secrets) expect(secret).toMatch(/^[2-9A-HJ-NP-Za-km-z]{24}$/);
});

test("ensureSecrets() keeps the file from others and from git, and leaves nothing beside it", async () => {
  await ensureSecrets(directory, ["db"]);
  const folder = join(directory, ".lash");
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, "secrets.json"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(folder, ".gitignore"), "utf8")).toBe("*\n");
  expect((await readdir(folder)).sort()).toEqual([".gitignore", "secrets.json"]);
});

test("readSecrets() makes nothing", async () => {
  expect(await readSecrets(directory)).toEqual({});
  expect(await readdir(directory)).toEqual([]);
});

test("ensureSecrets() gives every process the same passwords", async () => {
  const module = new URL("./secrets.ts", import.meta.url).href;
  const script = `const { ensureSecrets } = await import(${JSON.stringify(module)});
    console.log(JSON.stringify(await ensureSecrets(${JSON.stringify(directory)}, ["db", process.argv[1]])));`;
  const run = promisify(execFile);
  const outputs = await Promise.all(
    ["a", "b", "c", "d"].map((name) => run(process.execPath, ["--input-type=module", "-e", script, name])),
  );
  const kept = await readSecrets(directory);
  expect(Object.keys(kept).sort()).toEqual(["a", "b", "c", "d", "db"]);
  for (const { stdout } of outputs) expect(kept).toMatchObject(JSON.parse(stdout));
});

test("ensureSecrets() goes on after a holder of the lock that died", async () => {
  await ensureSecrets(directory, ["db"]);
  const lock = join(directory, ".lash", "secrets.lock");
  await writeFile(lock, "1 gone");
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(lock, longAgo, longAgo);
  expect(Object.keys(await ensureSecrets(directory, ["cache"])).sort()).toEqual(["cache", "db"]);
});

test.each([
  ["{}", "state-unreadable"],
  ["half {", "state-unreadable"],
  ["null", "state-unreadable"],
  ['{"version":2,"secrets":{}}', "state-newer"],
])("readSecrets() refuses %s", async (text, code) => {
  await ensureSecrets(directory, ["db"]);
  await writeFile(join(directory, ".lash", "secrets.json"), text);
  await expect(readSecrets(directory)).rejects.toMatchObject({ code });
  await expect(ensureSecrets(directory, ["cache"])).rejects.toMatchObject({ code });
});
