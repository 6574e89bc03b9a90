import { randomBytes } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { LashError } from "../../model/errors.ts";
import { type IgnoreRules, parseIgnoreRules } from "./dockerignore.ts";
import { codeOf } from "./errors.ts";
import { type TarEntry, writeTar } from "./tar.ts";

/** What a build sends. */
export interface BuildContext {
  /** The context as tar. */
  readonly tar: AsyncIterable<Uint8Array>;
  /** The Dockerfile's path in it. */
  readonly dockerfile: string;
  /** The Dockerfile's text. */
  readonly text: string;
}

/**
 * The context of a build as the docker CLI sends it: a folder less what `.dockerignore` leaves out, or
 * `<Dockerfile>.dockerignore` if there is one. The Dockerfile is always sent, under a name of its own when it lies
 * outside the folder. Rejects with `usage` when something cannot be read.
 */
export async function openBuildContext(folder: string, dockerfile: string): Promise<BuildContext> {
  const file = resolve(folder, dockerfile);
  const text = await readRequired(file, `Cannot read Dockerfile "${dockerfile}"`);
  const inside = relative(folder, file);
  const isOutside = inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside);
  const name = isOutside ? `.dockerfile.${randomBytes(8).toString("hex")}` : slashed(inside);
  const rules = await readRules(folder, file);
  const kept = new Set([name, ".dockerignore"]);
  async function* entries(): AsyncGenerator<TarEntry, void, undefined> {
    if (isOutside) yield textEntry(name, text);
    yield* walk(folder, "", rules, kept);
  }
  return { tar: writeTar(entries()), dockerfile: name, text };
}

async function readRules(folder: string, dockerfile: string): Promise<IgnoreRules> {
  for (const file of [`${dockerfile}.dockerignore`, join(folder, ".dockerignore")]) {
    try {
      return parseIgnoreRules(await readFile(file, "utf8"), file);
    } catch (cause) {
      if (!["ENOENT", "ENOTDIR"].includes(codeOf(cause))) throw unreadable(`Cannot read "${file}"`, cause);
    }
  }
  return parseIgnoreRules("", "");
}

/** Depth first, in order of names, so that the same folder gives the same bytes. Links are sent, never followed. */
async function* walk(
  folder: string,
  below: string,
  rules: IgnoreRules,
  kept: ReadonlySet<string>,
): AsyncGenerator<TarEntry, void, undefined> {
  const doing = `Cannot read "${join(folder, below)}" of the build context`;
  const names = await readdir(join(folder, below)).catch((cause: unknown) => {
    throw unreadable(doing, cause);
  });
  for (const name of names.sort()) {
    const path = below === "" ? name : `${below}/${name}`;
    const isExcluded = rules.excludes(path) && !kept.has(path);
    const full = join(folder, path);
    const stats = await lstat(full).catch((cause: unknown) => {
      // Removed since the folder was read: as if it had never been there.
      if (codeOf(cause) === "ENOENT") return undefined;
      throw unreadable(`Cannot read "${full}" of the build context`, cause);
    });
    if (stats === undefined) continue;
    const holdsKept = [...kept].some((each) => each.startsWith(`${path}/`));
    if (stats.isDirectory() && (!isExcluded || holdsKept || !rules.excludesAllBelow(path))) {
      if (!isExcluded) yield { ...common(path, stats), type: "directory" };
      yield* walk(folder, path, rules, kept);
    } else if (!isExcluded && stats.isSymbolicLink()) {
      yield { ...common(path, stats), type: "symlink", target: await readlink(full) };
    } else if (!isExcluded && stats.isFile()) {
      yield { ...common(path, stats), type: "file", size: stats.size, content: contentOf(full, stats.size) };
    }
    // Sockets, pipes and devices mean nothing in an image.
  }
}

function common(path: string, stats: Stats): { path: string; mode: number; mtimeMs: number } {
  return { path, mode: stats.mode & 0o7777, mtimeMs: stats.mtimeMs };
}

/** As many bytes as the file had: one that grows, such as a log, is cut there; one that shrinks fails the build. */
async function* contentOf(file: string, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  if (size === 0) return;
  let left = size;
  try {
    for await (const chunk of createReadStream(file, { end: size - 1 })) {
      left -= (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  } catch (cause) {
    throw unreadable(`Cannot read "${file}" of the build context`, cause);
  }
  if (left > 0) {
    throw new LashError(
      "usage",
      `Cannot send "${file}" of the build context: it became shorter while it was read`,
      {
        data: { file },
        hint: "Leave it out with .dockerignore, or build again when nothing writes to it",
      },
    );
  }
}

function textEntry(path: string, text: string): TarEntry {
  const bytes = Buffer.from(text, "utf8");
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes;
  }
  return { path, mode: 0o644, mtimeMs: 0, type: "file", size: bytes.length, content: content() };
}

async function readRequired(file: string, doing: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw unreadable(doing, cause);
  }
}

function unreadable(doing: string, cause: unknown): LashError {
  if (cause instanceof LashError) return cause;
  const code = codeOf(cause);
  const why = code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "permission denied" : code;
  return new LashError("usage", `${doing}: ${why}`, { data: { code }, cause });
}

function slashed(path: string): string {
  return sep === "/" ? path : path.replaceAll(sep, "/");
}
