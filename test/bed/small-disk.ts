import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { makeRunFolder, removeRunFolder } from "./places.ts";
import { runOrThrow } from "./processes.ts";

/** A file system of its own with little room, for an engine's `dataRoot`. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Leaves no byte free, until free(). */
  fill(): Promise<void>;
  free(): Promise<void>;
  /** The engine on it must have been stopped. */
  close(): Promise<void>;
}

/** Makes a disk of the given size in a file and mounts it; both go with close(). Takes about 30 ms. */
export async function openSmallDisk(options: { readonly megabytes: number }): Promise<SmallDisk> {
  const folder = await makeRunFolder("d");
  const image = join(folder, "image");
  const path = join(folder, "disk");
  const ballast = join(path, "ballast");
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= removeRunFolder(folder);
    return closed;
  };
  try {
    await mkdir(path);
    await runOrThrow(["truncate", "--size", `${options.megabytes}M`, image]);
    await runOrThrow(["mkfs.ext4", "-q", "-m", "0", image]);
    await runOrThrow(["mount", "-o", "loop", image, path]);
    await rmdir(join(path, "lost+found"));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    path,
    async fill() {
      // dd ends with an error when the disk is full, which is the purpose. After the large blocks a few small ones fit.
      const write = `dd if=/dev/zero of='${ballast}' oflag=append conv=notrunc 2>/dev/null`;
      await runOrThrow(["sh", "-c", `${write} bs=64k || ${write} bs=4k || sync '${ballast}'`]);
    },
    async free() {
      await runOrThrow(["rm", "-f", ballast]);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
