/** Something in a tar. Paths use "/" and have none at either end. */
export type TarEntry = TarEntryBase &
  (
    | { readonly type: "file"; readonly size: number; readonly content: AsyncIterable<Uint8Array> }
    | { readonly type: "directory" }
    | { readonly type: "symlink"; readonly target: string }
  );

interface TarEntryBase {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly mtimeMs: number;
}

const blockBytes = 512;
/** Twelve octal digits less the terminator. */
const largestOctalSize = 0o77777777777;
const typeFlags = { file: "0", directory: "5", symlink: "2" } as const;

/**
 * A tar as the engine takes it: ustar, with a pax header where a name is long or not ASCII or a file has 8 GiB or more.
 * Everything belongs to root, as the docker CLI sends it, so that the result does not depend on who builds. Rejects
 * with what `content` throws; it must give exactly `size` bytes.
 */
export async function* writeTar(
  entries: AsyncIterable<TarEntry>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const entry of entries) {
    const name = entry.type === "directory" ? `${entry.path}/` : entry.path;
    const target = entry.type === "symlink" ? entry.target : "";
    const size = entry.type === "file" ? entry.size : 0;
    const records = paxRecords(name, target, size);
    if (records.length > 0) {
      yield header({ name: "pax", target: "", size: records.length, mode: 0o644, mtimeMs: 0, flag: "x" });
      yield padded(records);
    }
    yield header({
      name,
      target,
      size,
      mode: entry.mode,
      mtimeMs: entry.mtimeMs,
      flag: typeFlags[entry.type],
    });
    if (entry.type !== "file") continue;
    let written = 0;
    for await (const chunk of entry.content) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new RangeError(`"${entry.path}" gave ${written} bytes instead of ${size}`);
    if (size % blockBytes !== 0) yield Buffer.alloc(blockBytes - (size % blockBytes));
  }
  yield Buffer.alloc(2 * blockBytes);
}

interface Header {
  readonly name: string;
  readonly target: string;
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;
  readonly flag: string;
}

function header({ name, target, size, mode, mtimeMs, flag }: Header): Uint8Array {
  const block = Buffer.alloc(blockBytes);
  // What is too long here is in the pax header, which wins.
  block.write(name, 0, 100, "utf8");
  block.write(octal(mode & 0o7777, 7), 100, "latin1");
  block.write(octal(0, 7), 108, "latin1");
  block.write(octal(0, 7), 116, "latin1");
  block.write(octal(Math.min(size, largestOctalSize), 11), 124, "latin1");
  block.write(octal(Math.max(0, Math.floor(mtimeMs / 1000)), 11), 136, "latin1");
  block.write("        ", 148, "latin1");
  block.write(flag, 156, "latin1");
  block.write(target, 157, 100, "utf8");
  block.write("ustar\u000000", 257, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function paxRecords(name: string, target: string, size: number): Uint8Array {
  const records: string[] = [];
  if (!fits(name)) records.push(paxRecord("path", name));
  if (!fits(target)) records.push(paxRecord("linkpath", target));
  if (size > largestOctalSize) records.push(paxRecord("size", String(size)));
  return Buffer.from(records.join(""), "utf8");
}

function fits(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return text.length <= 100 && /^[\u0001-\u007f]*$/.test(text);
}

/** "length key=value\n", where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = Buffer.alloc(Math.ceil(bytes.length / blockBytes) * blockBytes);
  whole.set(bytes);
  return whole;
}
