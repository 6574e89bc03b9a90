import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LashError } from "../model/errors.ts";

/** Names one stack on this machine: engine identity and project. Sixteen hex digits, safe in a socket path. */
export function stackKey(engineId: string, project: string): string {
  return createHash("sha256").update(`${engineId}\n${project}`).digest("hex").slice(0, 16);
}

/**
 * Folder for this user's sockets, made when absent: short, because a socket path has 108 bytes, and private. A folder
 * of that name that belongs to somebody else is refused: a socket in it could be theirs.
 */
export async function runtimeDirectory(environment: NodeJS.ProcessEnv): Promise<string> {
  const user = process.getuid?.() ?? 0;
  const base = environment["XDG_RUNTIME_DIR"];
  const directory = base === undefined || base === "" ? join(tmpdir(), `lash-${user}`) : join(base, "lash");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const stat = await lstat(directory);
  if (!stat.isDirectory() || stat.uid !== user || (stat.mode & 0o077) !== 0) {
    throw new LashError(
      "state-unreadable",
      `Cannot use "${directory}": it is not a private folder of this user`,
      {
        data: { directory },
        hint: "Remove it, or set XDG_RUNTIME_DIR to a folder of your own",
      },
    );
  }
  return directory;
}
