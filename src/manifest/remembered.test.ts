import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const text = 'project: { name: demo }\nresources:\n  api: { process: { command: [sleep, "10"] } }\n';
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lash-remembered-"));
  await writeFile(join(folder, "lash.yml"), text);
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
  vi.stubGlobal("LASH_BUILD", "build-1");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  await rm(folder, { recursive: true });
});

/** As a new process of this build would. */
async function load(remembered = true): Promise<{ readonly known: boolean; readonly text: string }> {
  vi.resetModules();
  const { loadManifest } = await import("./load.ts");
  const manifest = await loadManifest(join(folder, "lash.yml"), { remembered });
  return { known: !knowsPositions(manifest.locate), text: JSON.stringify(manifest) };
}

function knowsPositions(locate: (path: readonly string[]) => unknown): boolean {
  try {
    return locate([]) !== undefined;
  } catch {
    return false;
  }
}

async function entry(): Promise<string> {
  const [name = ""] = await readdir(join(folder, "cache", "lash"));
  return join(folder, "cache", "lash", name);
}

test("a manifest is remembered, whole and for its owner alone", async () => {
  const first = await load();
  const second = await load();
  expect([first.known, second.known]).toEqual([false, true]);
  expect(second.text).toBe(first.text);
  expect((await stat(await entry())).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, "cache", "lash"))).mode & 0o777).toBe(0o700);
});

test("nobody who did not ask is given a remembered manifest", async () => {
  await load();
  expect((await load(false)).known).toBe(false);
});

test("another text, another build and another place are read anew", async () => {
  await load();
  await writeFile(join(folder, "lash.yml"), text.replace("sleep", "echo"));
  expect((await load()).known).toBe(false);
  vi.stubGlobal("LASH_BUILD", "build-2");
  expect((await load()).known).toBe(false);
  const path = await entry();
  await writeFile(path, (await readFile(path, "utf8")).replaceAll(folder, "/elsewhere"));
  expect((await load()).known).toBe(false);
});

test("an entry that others can write, or that is damaged, is not used", async () => {
  await load();
  await chmod(await entry(), 0o620);
  expect((await load()).known).toBe(false);
  expect((await load()).known).toBe(true);
  await writeFile(await entry(), "{");
  expect((await load()).known).toBe(false);
});
