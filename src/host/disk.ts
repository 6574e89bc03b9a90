import { statfs } from "node:fs/promises";
import { abortable, deadlineSignal } from "../async/signals.ts";

/** A network file system that hangs must not hold up the answer. */
const diskTimeoutMs = 2000;

export interface DiskSpace {
  /** What this user may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Names of files that may still be made; undefined where the file system does not count them. */
  readonly freeFiles: number | undefined;
}

/** Space on the disk that holds a path; undefined when it does not exist, is not for us, or does not answer. */
export async function freeDisk(
  path: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<DiskSpace | undefined> {
  using deadline = deadlineSignal(signal, diskTimeoutMs, () => new Error("the disk does not answer"));
  try {
    const { bavail, blocks, bsize, files, ffree } = await abortable(statfs(path), deadline.signal);
    return {
      freeBytes: bavail * bsize,
      totalBytes: blocks * bsize,
      freeFiles: files === 0 ? undefined : ffree,
    };
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
