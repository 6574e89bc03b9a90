import type { IncomingMessage } from "node:http";
import { LashError } from "../../model/errors.ts";

/** A response body being read. Ending the iteration early closes its connection. */
export async function* readBody(
  response: IncomingMessage,
  signal: AbortSignal,
  translate: (cause: unknown) => Error,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of response) {
      signal.throwIfAborted();
      yield chunk as Uint8Array;
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw translate(cause);
  } finally {
    response.destroy();
  }
  signal.throwIfAborted();
}

/** Longest JSON answer or JSON line taken. Inspecting a container is a few KiB; a list of 10 000 some MiB. */
const maxJsonBytes = 64 * 1024 * 1024;

/** A whole body as text. */
export async function readText(
  response: IncomingMessage,
  signal: AbortSignal,
  translate: (cause: unknown) => Error,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readBody(response, signal, translate)) {
    size += chunk.length;
    if (size > maxJsonBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * The values of a stream of JSON, one a line. Split at line ends and nowhere else: a raw line end cannot occur inside
 * JSON. A last line without line end is taken if it is whole and left out if it is not.
 */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<unknown, void, undefined> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...pending, chunk.subarray(from, end)]).toString("utf8");
      pending = [];
      size = 0;
      from = end + 1;
      if (line.trim() !== "") yield JSON.parse(line) as unknown;
    }
    if (from < chunk.length) {
      pending.push(chunk.subarray(from));
      size += chunk.length - from;
      if (size > maxJsonBytes) throw tooLarge();
    }
  }
  const rest = Buffer.concat(pending).toString("utf8");
  if (rest.trim() === "") return;
  let last: unknown;
  try {
    last = JSON.parse(rest);
  } catch {
    return;
  }
  yield last;
}

function tooLarge(): LashError {
  return new LashError("engine-refused", "Cannot read the engine's answer: it is larger than 64 MiB", {
    data: { limitBytes: maxJsonBytes },
  });
}
