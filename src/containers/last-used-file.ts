import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * When containers were last used, by id: the one thing about them that no label tells. Without the file, or with one
 * that cannot be read, they count as used when they are first seen again.
 */
export async function readLastUsed(path: string): Promise<ReadonlyMap<string, number>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof value !== "object" || value === null) return new Map();
    return new Map(
      Object.entries(value).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
    );
  } catch {
    return new Map();
  }
}

/** Writes it whole, so that it is never half there. */
export async function writeLastUsed(path: string, used: ReadonlyMap<string, number>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await writeFile(temporary, JSON.stringify(Object.fromEntries(used)), { flag: "wx", mode: 0o600 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
