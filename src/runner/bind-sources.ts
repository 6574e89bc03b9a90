import { lstat, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isBelow } from "./decide-create.ts";
import type { BindRoot } from "./policy.ts";

/**
 * The path that a mount really leads to, or why it must not. The engine follows links of the host, and a container
 * that may write into a root can lay one there that leads out of it. So the path with its links resolved has to be
 * below a root as well, and it is what the engine is given. Where the service cannot see the root, as in a container of
 * its own, only the root itself may be mounted.
 */
export async function resolveBind(
  source: string,
  roots: readonly BindRoot[],
): Promise<{ readonly path: string } | { readonly refusal: string }> {
  for (const root of roots) {
    const realRoot = await realpath(root.source).catch(() => undefined);
    if (realRoot === undefined) {
      if (isBelow(root.source, source)) return { path: root.source };
      continue;
    }
    const path = await realOrPlanned(source);
    if (isBelow(path, realRoot)) return { path };
  }
  return { refusal: `mounting "${source}" is not allowed: it leads out of the folders that may be mounted` };
}

/** The real path; of what does not exist yet, below its nearest folder that does. */
async function realOrPlanned(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    const isAbsent = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (!isAbsent || dirname(path) === path) return "";
    // A link to nothing is absent too, and where it leads may be made a moment later.
    if (await isThere(path)) return "";
    const folder = await realOrPlanned(dirname(path));
    return folder === "" ? "" : join(folder, path.slice(dirname(path).length));
  }
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
