import type { Writable } from "node:stream";

/** Resolves when the stream takes more, or when it is closed. */
export async function untilDrained(stream: Writable): Promise<void> {
  if (stream.closed || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.once("drain", done);
    stream.once("close", done);
  });
}
