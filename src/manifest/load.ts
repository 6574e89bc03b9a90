import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { LashError, messageOf } from "../model/errors.ts";
import type { Manifest } from "./manifest.ts";
import { manifestInvalid } from "./problem.ts";
import { recall, remember } from "./remembered.ts";

/** Largest manifest read: what people write is a hundredth of it. */
export const maxManifestBytes = 1024 * 1024;

/**
 * Reads the manifest at `path`. Throws `manifest-not-found`, or `manifest-invalid` with everything that is wrong. With
 * `remembered` it may be what an earlier call made of the same text, which throws `PositionsUnknown` when it is asked
 * for a position.
 */
export async function loadManifest(
  path: string,
  options: { readonly remembered?: boolean | undefined } = {},
): Promise<Manifest> {
  const bytes = await readBounded(path);
  if (bytes.length > maxManifestBytes) throw refused(path, "at most 1 MiB", "a larger file");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refused(path, "UTF-8", "other bytes");
  }
  const known = options.remembered === true ? recall(resolve(path), text) : undefined;
  if (known !== undefined) return known;
  // Loaded only here: what reads YAML and checks its structure is half of the command's code.
  const { parseManifest } = await import("./parse.ts");
  const manifest = parseManifest(text, path);
  if (options.remembered === true) remember(manifest, text);
  return manifest;
}

/** The file's bytes, and of a file that is too large one byte more than is taken. */
async function readBounded(path: string): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "r");
  } catch (cause) {
    throw unreadable(path, cause);
  }
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw refused(path, "a file", "a folder");
    if (!stats.isFile()) throw refused(path, "a regular file", "something else");
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(Math.min(stats.size, maxManifestBytes) + 1),
      0,
    );
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function unreadable(path: string, cause: unknown): LashError {
  const isAbsent =
    cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR");
  const why = isAbsent ? "no such file" : messageOf(cause);
  const code = isAbsent ? "manifest-not-found" : "manifest-invalid";
  const data = isAbsent ? { file: path } : { file: path, problems: [], total: 0 };
  return new LashError(code, `Cannot read ${path}: ${why}`, { data, cause });
}

function refused(path: string, expected: string, found: string): LashError {
  const message = `expected ${expected}, found ${found}`;
  return manifestInvalid(path, [{ line: 1, column: 1, path: "", expected, found, message }]);
}
