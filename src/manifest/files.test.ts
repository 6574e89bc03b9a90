import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readEnvironment } from "./environment.ts";
import { findManifest } from "./find.ts";
import { loadManifest, maxManifestBytes } from "./load.ts";

let directory = "";
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "lash-manifest-")));
});
afterEach(() => rm(directory, { recursive: true }));

const valid = "project: { name: a }\nresources: {}\n";
const write = async (name: string, text: string | Uint8Array): Promise<string> => {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
};

test("findManifest() takes the nearest folder's, lash.yml first", async () => {
  const inner = join(directory, "a", "b");
  await mkdir(inner, { recursive: true });
  const lightshuttle = await write("lightshuttle.yml", "");
  expect(findManifest(inner)).toBe(lightshuttle);
  const yaml = await write("lash.yaml", "");
  expect(findManifest(inner)).toBe(yaml);
  const lash = await write("lash.yml", "");
  expect(findManifest(inner)).toBe(lash);
  await mkdir(join(inner, "lash.yml"));
  expect(findManifest(inner)).toBe(lash);
});

test("findManifest() says what it looked for, and that a compose file is not read yet", async () => {
  expect(() => findManifest(directory)).toThrow(
    expect.objectContaining({
      code: "manifest-not-found",
      message: expect.stringContaining(`in ${directory} or above`),
    }),
  );
  await write("compose.yaml", "");
  expect(() => findManifest(directory)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("compose files are not supported yet") }),
  );
});

test("loadManifest() reads a file", async () => {
  const path = await write("lash.yml", valid);
  expect(await loadManifest(path)).toMatchObject({ file: path, directory, project: { name: "a" } });
});

test("loadManifest() says what cannot be read", async () => {
  await expect(loadManifest(join(directory, "none.yml"))).rejects.toMatchObject({
    code: "manifest-not-found",
  });
  await expect(loadManifest(directory)).rejects.toMatchObject({
    code: "manifest-invalid",
    data: { problems: [{ found: "a folder" }] },
  });
  const large = await write("large.yml", `${valid}${"# comment\n".repeat(500_000)}`);
  await expect(loadManifest(large)).rejects.toMatchObject({
    data: { problems: [{ expected: "at most 1 MiB" }] },
  });
  const latin = await write("latin.yml", Buffer.from("project: { name: \xe4 }\n", "latin1"));
  await expect(loadManifest(latin)).rejects.toMatchObject({ data: { problems: [{ expected: "UTF-8" }] } });
  const full = await write("full.yml", valid.padEnd(maxManifestBytes, "# a comment of a usual length\n"));
  await expect(loadManifest(full)).resolves.toBeDefined();
});

const read = (environment: Record<string, string>, options = {}) =>
  readEnvironment({ manifest: { directory }, environment, ...options });

test("readEnvironment() lets .env win, and empty counts as unset", async () => {
  await write(".env", "A=file\nB=\n");
  const { env } = await read({ A: "shell", B: "shell", C: "shell", D: "" });
  expect([...env]).toEqual([
    ["A", { value: "file", source: "env-file" }],
    ["C", { value: "shell", source: "environment" }],
  ]);
});

test("readEnvironment() needs a named file to exist, and the default not", async () => {
  await expect(read({})).resolves.toEqual({ env: new Map(), secrets: new Map() });
  const envFile = join(directory, "other.env");
  await expect(read({}, { envFile })).rejects.toMatchObject({
    code: "usage",
    message: `Cannot read environment file ${envFile}: no such file`,
  });
  await expect(read({}, { secretsFile: envFile })).rejects.toMatchObject({ code: "usage" });
});

test("readEnvironment() names the bad line and does not repeat it", async () => {
  await write(".env", "A=1\nhunter2\n");
  await expect(read({})).rejects.toMatchObject({
    message: expect.stringMatching(/line 2: expected KEY=VALUE$/),
  });
});

test("readEnvironment() reads secrets and warns of a file that others can read", async () => {
  await mkdir(join(directory, ".lash"));
  const path = await write(".lash/secrets.env", "KEY=hush\n");
  const warnings: string[] = [];
  const onWarning = (message: string): number => warnings.push(message);
  await chmod(path, 0o600);
  expect((await read({}, { onWarning })).secrets).toEqual(new Map([["KEY", "hush"]]));
  expect(warnings).toEqual([]);
  await chmod(path, 0o644);
  await read({}, { onWarning });
  expect(warnings).toEqual([`${path} can be read by others; run: chmod 600 ${path}`]);
});
