import type { IncomingMessage } from "node:http";
import { Semaphore } from "../async/semaphore.ts";
import { abortable, deadlineSignal } from "../async/signals.ts";
import { HttpError } from "./http-error.ts";
import { type Spooled, SpoolTooLarge, spool } from "./protocol/spool.ts";

/** A body in memory has to be here within this time. */
const bodyDeadlineMs = 30_000;
/** A spooled one may take its time, but not stop coming. */
const spoolIdleMs = 30_000;

/** A small body, whole. */
export async function readSmallBody(
  incoming: IncomingMessage,
  options: { readonly limitBytes: number; readonly signal: AbortSignal },
): Promise<Buffer> {
  refuseLength(incoming, options.limitBytes);
  using deadline = deadlineSignal(options.signal, bodyDeadlineMs, tooSlow);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(incoming, deadline.signal)) {
    size += chunk.length;
    if (size > options.limitBytes) throw tooLarge(options.limitBytes);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? Buffer.from(chunks[0] ?? []) : Buffer.concat(chunks);
}

/** Spools large bodies, few at a time: they come in before their signature can be checked. */
export class Spooler {
  readonly #permits: Semaphore;
  #waiting = 0;
  readonly #maxWaiting: number;

  constructor(options: { readonly atOnce: number; readonly maxWaiting: number }) {
    this.#permits = new Semaphore(options.atOnce);
    this.#maxWaiting = options.maxWaiting;
  }

  async spool(
    incoming: IncomingMessage,
    options: { readonly limitBytes: number; readonly signal: AbortSignal },
  ): Promise<Spooled> {
    const { limitBytes, signal } = options;
    refuseLength(incoming, limitBytes);
    if (this.#waiting >= this.#maxWaiting)
      throw new HttpError("too_busy", "Cannot take more uploads: too many are waiting");
    this.#waiting += 1;
    try {
      using _permit = await this.#permits.acquire(signal);
      return await spool(chunksOf(incoming, signal, spoolIdleMs), { limitBytes, signal });
    } catch (cause) {
      if (cause instanceof SpoolTooLarge) throw tooLarge(limitBytes);
      throw cause;
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** A length that is told is believed, so that nothing too large begins to come in. */
function refuseLength(incoming: IncomingMessage, limitBytes: number): void {
  const length = incoming.headers["content-length"];
  if (length !== undefined && Number(length) > limitBytes) throw tooLarge(limitBytes);
}

/** Ends early without closing the connection: the answer goes out over it. */
async function* chunksOf(
  incoming: IncomingMessage,
  signal: AbortSignal,
  idleMs?: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = incoming.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = await nextOf(iterator, signal, idleMs);
    if (next.done === true) return;
    yield next.value as Uint8Array;
  }
}

async function nextOf(
  iterator: AsyncIterator<unknown>,
  signal: AbortSignal,
  idleMs: number | undefined,
): Promise<IteratorResult<unknown>> {
  if (idleMs === undefined) return await abortable(iterator.next(), signal);
  using bounded = deadlineSignal(signal, idleMs, tooSlow);
  return await abortable(iterator.next(), bounded.signal);
}

function tooSlow(): HttpError {
  return new HttpError("body_too_slow", "Cannot wait longer for the request's body");
}

function tooLarge(limitBytes: number): HttpError {
  return new HttpError("body_too_large", `Cannot take a body of more than ${limitBytes} bytes here`);
}
