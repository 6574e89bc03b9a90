import { LashError } from "../../model/errors.ts";

/** A piece of output, passed on as it arrives: a long message comes in several pieces. */
export interface FramePiece {
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
  /** Whether it begins a message of the engine. */
  readonly first: boolean;
}

const headerBytes = 8;

/**
 * Takes apart what the engine sends for a container without tty: each message after 8 bytes of header, which are the
 * stream (0 stdin, 1 stdout, 2 stderr), three zeros and the length, big-endian. Rejects with `engine-unreachable` when
 * the bytes end inside a message, and with `engine-refused` when they are not such messages.
 */
export async function* readFrames(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<FramePiece, void, undefined> {
  const header = Buffer.alloc(headerBytes);
  let headerFill = 0;
  let left = 0;
  let stream: FramePiece["stream"] = "stdout";
  let first = false;
  for await (const chunk of chunks) {
    let from = 0;
    while (from < chunk.length) {
      if (left === 0) {
        const taken = Math.min(headerBytes - headerFill, chunk.length - from);
        header.set(chunk.subarray(from, from + taken), headerFill);
        headerFill += taken;
        from += taken;
        if (headerFill < headerBytes) break;
        headerFill = 0;
        stream = streamOf(header);
        left = header.readUInt32BE(4);
        first = true;
        continue;
      }
      const taken = Math.min(left, chunk.length - from);
      yield { stream, data: chunk.subarray(from, from + taken), first };
      first = false;
      left -= taken;
      from += taken;
    }
  }
  if (left > 0 || headerFill > 0) {
    throw new LashError(
      "engine-unreachable",
      "Cannot read all output: the engine ended it in the middle of a message",
      {
        data: { missingBytes: left > 0 ? left : headerBytes - headerFill },
      },
    );
  }
}

/** Output of a container with a tty: no messages, one stream. */
export async function* readRaw(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<FramePiece, void, undefined> {
  let first = true;
  for await (const data of chunks) {
    if (data.length === 0) continue;
    yield { stream: "stdout", data, first };
    first = false;
  }
}

/**
 * Tells framed from raw by the first byte, where a raw stream cannot begin with 0, 1 or 2: with time stamps it begins
 * with a digit. Saves asking whether the container has a tty, which API versions below 1.42 do not say by the type.
 */
export async function* readFramesOrRaw(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<FramePiece, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    let next = await iterator.next();
    while (next.done !== true && next.value.length === 0) next = await iterator.next();
    if (next.done === true) return;
    const begin = next.value;
    const all = startingWith(begin, iterator);
    yield* (begin[0] ?? 0) <= 2 ? readFrames(all) : readRaw(all);
  } finally {
    await iterator.return?.();
  }
}

async function* startingWith(
  begin: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield begin;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function streamOf(header: Uint8Array): FramePiece["stream"] {
  const [kind = 0, a, b, c] = header;
  if (kind > 2 || a !== 0 || b !== 0 || c !== 0) {
    throw new LashError(
      "engine-refused",
      "Cannot read the output: what the engine sends is not framed as agreed",
      {
        data: { header: Buffer.from(header).toString("hex") },
      },
    );
  }
  return kind === 2 ? "stderr" : "stdout";
}
