import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The folder beside a manifest where Lash keeps what is not on an engine. */
export function lashFolder(directory: string): string {
  return join(directory, ".lash");
}

/** Makes it, for its owner alone, and out of git's sight. What is there stays. Returns its path. */
export async function makeLashFolder(directory: string): Promise<string> {
  const folder = lashFolder(directory);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await writeFile(join(folder, ".gitignore"), "*\n", { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return folder;
}
