import { chmod, lutimes, mkdir, open, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { HttpError } from "./http-error.ts";

const blockBytes = 512;
/** More than any build context has. */
const maxEntries = 1_000_000;
/** Names and sizes of one file. */
const maxPaxBytes = 1024 * 1024;

interface Entry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly target: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime: number;
}

/**
 * Unpacks a tar as Lash writes it (ustar with pax: folders, files, symbolic links) into an empty folder. Nothing is
 * written outside: no absolute path, no "..", nothing below a link, nothing twice.
 */
export async function unpackTar(chunks: AsyncIterable<Uint8Array>, folder: string): Promise<void> {
  const reader = new BlockReader(chunks);
  const made = new Map<string, Entry["type"]>();
  const folders: Entry[] = [];
  let pax: Readonly<Record<string, string>> = {};
  for (let header = await reader.exactly(blockBytes); !isZero(header); ) {
    const flag = String.fromCharCode(header[156] ?? 0);
    if (flag === "x" || flag === "g") {
      const size = octal(header, 124, 12);
      if (size > maxPaxBytes) throw badTar("a header is too large");
      const records = await reader.exactly(padded(size));
      if (flag === "x") pax = paxRecords(records.subarray(0, size));
    } else {
      const entry = entryOf(header, flag, pax);
      pax = {};
      if (made.size >= maxEntries) throw badTar("it holds too many files");
      claim(entry, made);
      await write(entry, { folder, reader });
      if (entry.type === "directory") folders.push(entry);
    }
    header = await reader.exactly(blockBytes);
  }
  // Last and from the inside out: writing into a folder changes its time, and may not be allowed after.
  for (const { path, mode, mtime } of folders.toReversed()) {
    await chmod(join(folder, path), mode);
    await utimes(join(folder, path), mtime, mtime);
  }
}

async function write(
  entry: Entry,
  { folder, reader }: { readonly folder: string; readonly reader: BlockReader },
): Promise<void> {
  const full = join(folder, entry.path);
  switch (entry.type) {
    case "directory":
      await mkdir(full, { recursive: true });
      return;
    case "symlink":
      await mkdir(join(full, ".."), { recursive: true });
      await symlink(entry.target, full);
      await lutimes(full, entry.mtime, entry.mtime);
      return;
    case "file":
      await mkdir(join(full, ".."), { recursive: true });
      await writeFile(full, entry, reader);
  }
}

async function writeFile(full: string, entry: Entry, reader: BlockReader): Promise<void> {
  const file = await open(full, "wx", 0o600);
  try {
    for (let left = entry.size; left > 0; ) {
      const part = await reader.some(left);
      left -= part.length;
      for (let at = 0; at < part.length; ) at += (await file.write(part, at)).bytesWritten;
    }
    await file.chmod(entry.mode);
    await file.utimes(entry.mtime, entry.mtime);
  } finally {
    await file.close();
  }
  await reader.exactly(padded(entry.size) - entry.size);
}

/** Refuses an entry that would lie on or below something else than a folder. */
function claim({ path, type }: Entry, made: Map<string, Entry["type"]>): void {
  const parts = path.split("/");
  for (let depth = 1; depth < parts.length; depth += 1) {
    const parent = parts.slice(0, depth).join("/");
    const is = made.get(parent) ?? "directory";
    if (is !== "directory") throw badTar(`"${path}" lies below "${parent}", which is no folder`);
    made.set(parent, "directory");
  }
  const is = made.get(path);
  if (is !== undefined && !(is === "directory" && type === "directory"))
    throw badTar(`"${path}" is there twice`);
  made.set(path, type);
}

function entryOf(header: Buffer, flag: string, pax: Readonly<Record<string, string>>): Entry {
  const type = { "0": "file", "\0": "file", "5": "directory", "2": "symlink" } as const;
  const kind = type[flag as keyof typeof type];
  if (kind === undefined) throw badTar(`it holds an entry of type "${flag}"`);
  const path = (pax["path"] ?? text(header, 0, 100)).replace(/\/+$/, "");
  const size = pax["size"] === undefined ? octal(header, 124, 12) : Number(pax["size"]);
  const isGood =
    path !== "" &&
    !path.includes("\0") &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (!isGood) throw badTar(`it holds a path "${path}"`);
  if (!Number.isSafeInteger(size) || size < 0) throw badTar(`"${path}" has no valid size`);
  const target = pax["linkpath"] ?? text(header, 157, 100);
  const mode = octal(header, 100, 8) & 0o7777;
  return { path, type: kind, target, size: kind === "file" ? size : 0, mode, mtime: octal(header, 136, 12) };
}

function paxRecords(bytes: Buffer): Readonly<Record<string, string>> {
  const records: Record<string, string> = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const length = Number(bytes.toString("latin1", at, space));
    if (space === -1 || !Number.isSafeInteger(length) || length <= space - at)
      throw badTar("a header is broken");
    const record = bytes.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    records[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  return records;
}

function text(header: Buffer, at: number, length: number): string {
  const end = header.indexOf(0, at);
  return header.toString("utf8", at, end === -1 || end > at + length ? at + length : end);
}

function octal(header: Buffer, at: number, length: number): number {
  const digits = header
    .toString("latin1", at, at + length)
    .replace(/[\0 ]+$/, "")
    .trim();
  if (!/^[0-7]{0,12}$/.test(digits)) throw badTar("a header is broken");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function padded(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes;
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function badTar(why: string): HttpError {
  return new HttpError("validation_error", `Cannot unpack the build context: ${why}`);
}

/** Bytes in the portions asked for. */
class BlockReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]();
  }

  async exactly(size: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = size; left > 0; ) {
      const part = await this.some(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** At least one byte and at most so many. */
  async some(most: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const next = await this.#iterator.next();
      if (next.done === true) throw badTar("it ends in the middle");
      this.#rest = Buffer.from(next.value);
    }
    const part = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }
}
