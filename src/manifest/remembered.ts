import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import type { Manifest } from "./manifest.ts";
import type { Position } from "./problem.ts";

declare const LASH_BUILD: string | undefined;

/** Names the code that reads manifests: what another build has read says nothing. Undefined outside a built command. */
const build = typeof LASH_BUILD === "undefined" ? undefined : LASH_BUILD;

/** Larger manifests are read anew: aliases can make of a small text a value that takes longer to load than to read. */
const maxLength = 512 * 1024;

/** Entries kept: far more than the stacks a person works on in a day. */
const maxEntries = 256;

interface Entry {
  readonly build: string;
  readonly text: string;
  readonly manifest: Omit<Manifest, "locate">;
}

/** Thrown where a remembered manifest is asked for a position, which only the text has. */
export class PositionsUnknown extends Error {
  override readonly name = "PositionsUnknown";
}

/** What this build made of exactly this text at this path before; undefined when that is not known. */
export function recall(path: string, text: string): Manifest | undefined {
  if (build === undefined) return undefined;
  try {
    const entry = JSON.parse(readOwn(entryPath(path))) as Entry;
    if (entry.build !== build || entry.text !== text || entry.manifest.file !== path) return undefined;
    return { ...entry.manifest, locate: unknownPosition };
  } catch {
    return undefined;
  }
}

/** A file's text, if it is this user's and nobody else may write it: who can write it says what `lash` starts. */
function readOwn(path: string): string {
  const file = openSync(path, "r");
  try {
    const { uid, mode } = fstatSync(file);
    if (uid !== process.getuid?.() || (mode & 0o077) !== 0) throw new Error("not private");
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/**
 * Keeps a manifest that was read without errors, as written and without any resolved value, for its owner alone.
 * Failing costs nothing but the next reading.
 */
export function remember(manifest: Manifest, text: string): void {
  if (build === undefined) return;
  const path = entryPath(manifest.file);
  const { locate: _, ...plain } = manifest;
  const fresh = `${path}.${process.pid}`;
  try {
    const entry = JSON.stringify({ build, text, manifest: plain } satisfies Entry);
    if (entry.length > maxLength) return;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(fresh, entry, { mode: 0o600, flag: "wx" });
    renameSync(fresh, path);
  } catch {
    rmSync(fresh, { force: true });
  }
}

/**
 * In the user's cache and not beside the manifest: a repository may bring what it likes. Few names, so that entries do
 * not pile up; of two manifests with the same name the later stays.
 */
function entryPath(manifest: string): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? "";
  const folder = isAbsolute(cache) ? cache : join(homedir(), ".cache");
  let hash = 0;
  for (let index = 0; index < manifest.length; index++) hash = (hash * 31 + manifest.charCodeAt(index)) >>> 0;
  return join(folder, "lash", `manifest-${hash % maxEntries}.json`);
}

function unknownPosition(): Position {
  throw new PositionsUnknown("a remembered manifest has no positions");
}
