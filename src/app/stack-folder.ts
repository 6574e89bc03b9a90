import { readdir, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { loadManifest } from "../manifest/load.ts";

/** A manifest in the server's folder. */
export interface FoldersStack {
  readonly name: string;
  readonly manifest: string;
}

const manifestName = /\.ya?ml$/;
const namesInFolders = ["lash.yml", "lash.yaml", "lightshuttle.yml"];
const mostEntries = 1000;

/**
 * The stacks of a folder: its own `*.yml`, and the manifests of the folders in it. What leads out of the folder by a
 * link is not in it; what is no manifest is none.
 */
export async function readStackFolder(folder: string): Promise<readonly FoldersStack[]> {
  const root = await realpath(folder);
  const entries = (await readdir(root, { withFileTypes: true }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .slice(0, mostEntries);
  const candidates = entries.flatMap((entry) => {
    const path = join(root, entry.name);
    if (entry.isDirectory()) return namesInFolders.map((name) => join(path, name));
    return manifestName.test(entry.name) ? [path] : [];
  });
  const found = await Promise.all(candidates.map(async (path) => await readOne(path, root)));
  return found.filter((each) => each !== undefined);
}

async function readOne(path: string, root: string): Promise<FoldersStack | undefined> {
  try {
    const manifest = await realpath(path);
    if (!manifest.startsWith(root === sep ? sep : `${root}${sep}`)) return undefined;
    const { project } = await loadManifest(manifest, { remembered: true });
    return { name: project.name, manifest };
  } catch {
    return undefined;
  }
}
