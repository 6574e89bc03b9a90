import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rmdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { run, runOrThrow } from "./processes.ts";

/** The parts that prepare.sh fills the cache with. */
export type CachePart = "engine20" | "registry" | "images" | "engine28" | "podman";

/** Where a part of the cache lies. Throws, naming the cure, when it is not there. */
export function cachePart(part: CachePart): string {
  const root =
    process.env.LASH_TEST_CACHE ??
    join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "lash-test-bed");
  const path = join(root, part);
  if (!existsSync(join(path, ".recipe"))) {
    throw new Error(`Cannot find "${part}" in the test bed's cache: run "bash test/bed/prepare.sh"`);
  }
  return path;
}

/** Throws unless this process runs inside enter.sh: elsewhere an engine would change the machine's own network. */
export function assertInBed(): string {
  const folder = process.env.LASH_BED_DIR;
  if (process.env.LASH_BED !== "1" || folder === undefined) {
    throw new Error("Cannot start an engine outside the test bed: run this through test/bed/enter.sh");
  }
  return folder;
}

/** Makes a folder that goes with the run. Its path is short: a socket's path has at most 108 bytes. */
export async function makeRunFolder(prefix: string): Promise<string> {
  return mkdtemp(join(assertInBed(), `${prefix}-`));
}

/** Removes a folder that engines worked in: ends mounts below it first and never leaves its file system. */
export async function removeRunFolder(folder: string): Promise<void> {
  await unmountBelow(folder);
  await runOrThrow(["rm", "-rf", "--one-file-system", folder]);
}

/** Ends every mount below a folder, the innermost first. */
export async function unmountBelow(folder: string): Promise<void> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const below = table
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of below.toReversed()) {
    // Lazy, because a process that is just ending may still be in there.
    await run(["umount", "-l", point]);
  }
}

/** Removes the empty control group directories with this name, in every hierarchy. They are not part of a namespace. */
export async function removeCgroups(name: string): Promise<void> {
  const root = "/sys/fs/cgroup";
  const hierarchies = await readdir(root, { withFileTypes: true }).catch(() => []);
  const parents = [
    root,
    ...hierarchies.filter((entry) => entry.isDirectory()).map((entry) => join(root, entry.name)),
  ];
  await Promise.all(parents.map((parent) => removeEmptyTree(join(parent, name))));
}

async function removeEmptyTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) {
    return;
  }
  for (const entry of entries.filter((one) => one.isDirectory())) {
    await removeEmptyTree(join(folder, entry.name));
  }
  // One that still holds a process stays; the check for stray processes names it.
  await rmdir(folder).catch(() => undefined);
}
