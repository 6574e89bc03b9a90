import { randomInt, randomUUID } from "node:crypto";
import { link, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LashError, messageOf } from "../model/errors.ts";
import { makeLashFolder } from "./lash-folder.ts";

/** Generated passwords by resource. */
export type GeneratedSecrets = Readonly<Record<string, string>>;

/** Letters and digits without those that look alike: 0 O 1 I l. */
const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/** 24 of 57 symbols: 140 bits. */
const length = 24;
const schemaVersion = 1;
/** Tries to get the lock, about 20 seconds: longer than it takes to see that its holder is gone. */
const maxTries = 1000;
/** A lock of a holder that died; writing takes milliseconds. */
const staleLockMs = 10_000;
const retryMs = 20;

/** Passwords generated before for the stack whose manifest is in `directory`. Makes nothing. */
export async function readSecrets(directory: string): Promise<GeneratedSecrets> {
  const path = join(directory, ".lash", "secrets.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return {};
    throw new LashError("state-unreadable", `Cannot read ${path}: ${messageOf(cause)}`, {
      data: { file: path },
      cause,
    });
  }
  return parseSecrets(text, path);
}

/**
 * Passwords of these resources, made at the first call and the same ever after; also when several processes call at
 * once. Kept in `.lash/secrets.json` (0600) beside the manifest, in a folder that git ignores.
 */
export async function ensureSecrets(
  directory: string,
  resources: readonly string[],
): Promise<GeneratedSecrets> {
  const before = await readSecrets(directory);
  if (resources.every((name) => Object.hasOwn(before, name))) return before;
  const folder = await makeLashFolder(directory);
  const unlock = await lock(join(folder, "secrets.lock"));
  try {
    // Another process may have written between the first look and the lock.
    const known = await readSecrets(directory);
    const missing = resources.filter((name) => !Object.hasOwn(known, name));
    if (missing.length === 0) return known;
    const secrets = Object.fromEntries([
      ...Object.entries(known),
      ...missing.map((name) => [name, generate()]),
    ]);
    await writeAtomically(folder, `${JSON.stringify({ version: schemaVersion, secrets }, undefined, 2)}\n`);
    return secrets;
  } finally {
    await unlock();
  }
}

/** Takes the lock and returns what gives it back. */
async function lock(path: string): Promise<() => Promise<void>> {
  const token = `${process.pid} ${randomUUID()}`;
  for (let tries = 0; tries < maxTries; tries++) {
    try {
      await writeFile(path, token, { flag: "wx", mode: 0o600 });
      return () => rm(path, { force: true });
    } catch (cause) {
      if (!hasCode(cause, "EEXIST")) throw cause;
    }
    if (await isAbandoned(path)) await breakLock(path);
    else await sleep(retryMs);
  }
  throw new LashError("state-unreadable", `Cannot write generated secrets: ${path} stays locked`, {
    data: { file: path },
    hint: `Remove ${path} if no other lash runs`,
  });
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    return Date.now() - mtimeMs > staleLockMs;
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return false;
    throw cause;
  }
}

/** Moves an abandoned lock away: of several that try, one succeeds, and a lock that is fresh by then is put back. */
async function breakLock(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    if (!(await isAbandoned(aside))) await link(aside, path);
  } catch (cause) {
    if (!hasCode(cause, "ENOENT") && !hasCode(cause, "EEXIST")) throw cause;
  } finally {
    await rm(aside, { force: true });
  }
}

function generate(): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

function parseSecrets(text: string, path: string): GeneratedSecrets {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw unreadable(path, "it is no JSON", cause);
  }
  if (typeof content !== "object" || content === null) throw unreadable(path, "it holds no object");
  const version = "version" in content ? content.version : undefined;
  if (typeof version === "number" && version > schemaVersion) {
    throw new LashError("state-newer", `Cannot read ${path}: a newer Lash wrote it (version ${version})`, {
      data: { file: path, version, known: schemaVersion },
      hint: "Upgrade Lash",
    });
  }
  const secrets = "secrets" in content ? content.secrets : undefined;
  if (version !== schemaVersion || typeof secrets !== "object" || secrets === null) {
    throw unreadable(path, "it is not what Lash writes");
  }
  const entries = Object.entries(secrets).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(entries);
}

function unreadable(path: string, why: string, cause?: unknown): LashError {
  return new LashError("state-unreadable", `Cannot read ${path}: ${why}`, {
    data: { file: path },
    hint: "Restore it from a backup: volumes that exist were made with its passwords",
    cause,
  });
}

async function writeAtomically(folder: string, text: string): Promise<void> {
  const temporary = join(folder, `secrets.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(folder, "secrets.json"));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}
