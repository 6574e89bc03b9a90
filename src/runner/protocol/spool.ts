import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Bytes put aside in a temporary file, with their hash. Disposing removes the file. */
export interface Spooled extends AsyncDisposable {
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256, base64: what a signature covers. */
  readonly hash: string;
  /** The bytes once more, from a position on. */
  read(from?: number): AsyncIterable<Uint8Array>;
}

/** Thrown when there is more than the limit. */
export class SpoolTooLarge extends Error {}

/** Writes everything into a temporary file that only we may read. On failure nothing is left. */
export async function spool(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly limitBytes: number; readonly signal: AbortSignal },
): Promise<Spooled> {
  const path = join(tmpdir(), `lash-spool-${randomUUID()}`);
  const remove = (): Promise<void> => rm(path, { force: true });
  try {
    const { sizeBytes, hash } = await writeAll(path, chunks, options);
    return {
      path,
      sizeBytes,
      hash,
      read: (from = 0) => createReadStream(path, { start: from }),
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function writeAll(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { limitBytes, signal }: { readonly limitBytes: number; readonly signal: AbortSignal },
): Promise<{ readonly sizeBytes: number; readonly hash: string }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) throw new SpoolTooLarge(`more than ${limitBytes} bytes`);
      hash.update(chunk);
      // One call may write less than it was given.
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    }
  } finally {
    await file.close();
  }
  signal.throwIfAborted();
  return { sizeBytes, hash: hash.digest("base64") };
}
