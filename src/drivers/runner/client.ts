import type { IncomingMessage } from "node:http";
import { systemClock } from "../../async/clock.ts";
import { deadlineSignal, linkSignals } from "../../async/signals.ts";
import { isLashError, LashError } from "../../model/errors.ts";
import { wireErrorSchema } from "../../runner/protocol/errors.ts";
import {
  bodyHash,
  bodyHashHeader,
  emptyBodyHash,
  type SigningKey,
  signedHeaders,
} from "../../runner/protocol/signature.ts";
import type { Spooled } from "../../runner/protocol/spool.ts";
import { readSse, type SseMessage } from "../../runner/protocol/sse.ts";
import type { RunnerEndpoint } from "./endpoint.ts";
import { answerError, badAnswer, connectionError, runnerTrouble, tooLate, unreachable } from "./errors.ts";
import { Transport, wasNotSent } from "./transport.ts";

/** Pauses before the second and third attempt: enough for a runner that restarts, short enough to fail in time. */
const pausesMs = [100, 250];
/** A stream of a runner says something every 15 s; three times that in silence and it is taken for dead. */
const silenceMs = 45_000;
/** Largest JSON answer: a list of 10 000 containers is some MiB. */
const maxJsonBytes = 64 * 1024 * 1024;

export interface RunnerCall {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below the base URL, beginning with "/"; parts already escaped. */
  readonly path: string;
  readonly query?: URLSearchParams | undefined;
  readonly json?: unknown;
  readonly spooled?: { readonly body: Spooled; readonly type: string } | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How it reads after "Cannot ". */
  readonly doing: string;
  readonly signal: AbortSignal;
  /** Until the whole answer is there, attempts and pauses included; for a stream, until its head is. */
  readonly deadlineMs?: number | undefined;
  /**
   * "read": asked again when it gets no answer, or one that asks for it. "again": the same, as a second time changes
   * nothing. "once": never, as nobody knows what the first one did. "probe": a single attempt, nothing else.
   */
  readonly attempts: "read" | "again" | "once" | "probe";
}

export interface RunnerClientOptions {
  readonly endpoint: RunnerEndpoint;
  readonly key: SigningKey;
  readonly ca?: string | undefined;
  /** For short calls. */
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  readonly silenceMs?: number | undefined;
}

/** Signed calls to one runner. Everything that goes wrong is a LashError; each attempt is signed anew. */
export class RunnerClient implements Disposable {
  readonly endpoint: RunnerEndpoint;
  readonly #transport: Transport;
  readonly #options: RunnerClientOptions;
  readonly #life = new AbortController();

  constructor(options: RunnerClientOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
    this.#transport = new Transport(options.endpoint, options.ca);
  }

  /** The answer's JSON as facts. */
  async json<Facts>(call: RunnerCall, schema: { parse(value: unknown): Facts }): Promise<Facts> {
    const { status, text } = await this.#read(call);
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw badAnswer(call.doing, { status, endpoint: this.endpoint.text, cause });
    }
  }

  /** As json, and undefined for what is not there. */
  async find<Facts>(call: RunnerCall, schema: { parse(value: unknown): Facts }): Promise<Facts | undefined> {
    try {
      return await this.json(call, schema);
    } catch (error) {
      if (isLashError(error) && error.data["status"] === 404) return undefined;
      throw error;
    }
  }

  /** Asks for a change that has no answer. */
  async change(call: RunnerCall): Promise<void> {
    await this.#read(call);
  }

  /** A stream's messages. Ends with `engine-unreachable` when it is cut or falls silent. */
  async *stream(call: RunnerCall): AsyncGenerator<SseMessage, void, undefined> {
    using linked = linkSignals(call.signal, this.#life.signal);
    const response = await this.#headOf({ ...call, signal: linked.signal });
    try {
      const watch = { silenceMs: this.#options.silenceMs ?? silenceMs, late: () => this.#silent(call) };
      for await (const message of readSse(chunksOf(response, linked.signal, watch))) {
        if (message.event === "error") throw this.#streamError(call, message);
        yield message;
      }
    } catch (cause) {
      linked.signal.throwIfAborted();
      throw connectionError(call.doing, this.endpoint.text, cause);
    } finally {
      response.destroy();
    }
    linked.signal.throwIfAborted();
  }

  /** A long call: its result, and its progress as it comes. */
  async long<Facts>(
    call: RunnerCall,
    schema: { parse(value: unknown): Facts },
    onProgress?: (value: unknown) => void,
  ): Promise<Facts> {
    for await (const { event, data } of this.stream(call)) {
      if (event === "progress") onProgress?.(JSON.parse(data));
      if (event === "result") return schema.parse(JSON.parse(data));
    }
    throw this.cut(call.doing);
  }

  /** Headers that sign an upgrade. */
  upgradeHeaders(path: string): Readonly<Record<string, string>> {
    const { key, nowMs } = this.#options;
    return signedHeaders({ method: "GET", path, bodyHash: emptyBodyHash }, { key, nowMs: nowMs() });
  }

  get ca(): string | undefined {
    return this.#options.ca;
  }

  get silenceMs(): number {
    return this.#options.silenceMs ?? silenceMs;
  }

  /** A stream that ended in the middle. */
  cut(doing: string): LashError {
    const cause = Object.assign(new Error("the stream ended"), { code: "ECONNRESET" });
    return connectionError(doing, this.endpoint.text, cause);
  }

  /** Cancels every call under way. */
  [Symbol.dispose](): void {
    this.#life.abort(new LashError("cancelled", "Cannot go on: the connection to the runner was closed"));
    this.#transport[Symbol.dispose]();
  }

  get life(): AbortSignal {
    return this.#life.signal;
  }

  async #read(call: RunnerCall): Promise<{ readonly status: number; readonly text: string }> {
    using linked = linkSignals(call.signal, this.#life.signal);
    const ms = call.deadlineMs ?? this.#options.timeoutMs;
    using deadline = deadlineSignal(linked.signal, ms, () => tooLate(call.doing, this.endpoint.text, ms));
    return await this.#attempts({ ...call, signal: deadline.signal }, async (bounded) => {
      const response = await this.#send(bounded, false);
      const text = await readText(response, bounded.signal);
      const status = response.statusCode ?? 0;
      if (status < 200 || status >= 300) throw this.#refusal(call.doing, status, text);
      return { status, text };
    });
  }

  /** The head of a stream within its time; after that only the call's own signal bounds it. */
  async #headOf(call: RunnerCall): Promise<IncomingMessage> {
    const ms = call.deadlineMs ?? this.#options.timeoutMs;
    const linked = linkSignals(call.signal);
    const timer = setTimeout(() => linked.abort(tooLate(call.doing, this.endpoint.text, ms)), ms);
    try {
      return await this.#attempts({ ...call, signal: linked.signal }, async (bounded) => {
        const response = await this.#send(bounded, true);
        const status = response.statusCode ?? 0;
        if (status === 200) return response;
        throw this.#refusal(call.doing, status, await readText(response, bounded.signal));
      });
    } finally {
      clearTimeout(timer);
      // The caller's signal destroys the response itself from here on.
      linked[Symbol.dispose]();
    }
  }

  async #attempts<Value>(call: RunnerCall, attempt: (call: RunnerCall) => Promise<Value>): Promise<Value> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await attempt(call);
      } catch (cause) {
        call.signal.throwIfAborted();
        const error = connectionError(call.doing, this.endpoint.text, cause);
        const pauseMs = pausesMs[tries];
        if (pauseMs === undefined || !mayRepeat(call, error, cause)) throw error;
        await systemClock.sleep(wasNotSent(cause) ? 0 : pauseMs, { signal: call.signal });
      }
    }
  }

  async #send(call: RunnerCall, ownConnection: boolean): Promise<IncomingMessage> {
    const { key, nowMs } = this.#options;
    const path =
      call.query === undefined || call.query.size === 0 ? call.path : `${call.path}?${call.query.toString()}`;
    const text = call.json === undefined ? undefined : JSON.stringify(call.json);
    const hash = call.spooled?.body.hash ?? (text === undefined ? emptyBodyHash : bodyHash(text));
    const type = call.spooled?.type ?? (text === undefined ? undefined : "application/json");
    return await this.#transport.exchange({
      method: call.method,
      path,
      headers: {
        ...call.headers,
        ...(type === undefined ? {} : { "content-type": type }),
        ...(call.spooled === undefined ? {} : { [bodyHashHeader]: hash }),
        ...signedHeaders({ method: call.method, path, bodyHash: hash }, { key, nowMs: nowMs() }),
      },
      body: call.spooled?.body ?? text,
      signal: call.signal,
      ownConnection: ownConnection || call.spooled !== undefined,
    });
  }

  #refusal(doing: string, status: number, text: string): LashError {
    const endpoint = this.endpoint.text;
    try {
      return answerError(doing, { status, endpoint, body: wireErrorSchema.parse(JSON.parse(text)) });
    } catch (cause) {
      return badAnswer(doing, { status, endpoint, cause });
    }
  }

  #streamError({ doing }: RunnerCall, { data }: SseMessage): LashError {
    const { status } = JSON.parse(data) as { readonly status?: unknown };
    return this.#refusal(doing, typeof status === "number" ? status : 0, data);
  }

  #silent({ doing }: RunnerCall): LashError {
    return unreachable(doing, {
      reason: "timeout",
      errorCode: "runner_stream_silent",
      statusCode: 0,
      why: "the runner's stream fell silent",
      endpoint: this.endpoint.text,
    });
  }
}

/** Whether asking once more can do no harm and may help. What a deadline ended is not asked again. */
function mayRepeat(call: RunnerCall, error: LashError, cause: unknown): boolean {
  if (call.attempts === "probe") return false;
  if (wasNotSent(cause)) return true;
  if (call.attempts === "once") return false;
  const reason = runnerTrouble(error)?.reason;
  return reason === "refused" || reason === "reset";
}

/** A body's chunks; a wait that is too long for one ends it with what `late` gives. */
async function* chunksOf(
  response: IncomingMessage,
  signal: AbortSignal,
  watch: { readonly silenceMs: number; readonly late: () => Error },
): AsyncGenerator<Uint8Array, void, undefined> {
  const onAbort = (): void => void response.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  // Only while waiting: who reads slowly keeps the runner from sending.
  const timer = setTimeout(() => response.destroy(watch.late()), watch.silenceMs);
  timer.unref();
  try {
    for await (const chunk of response) {
      clearTimeout(timer);
      yield chunk as Uint8Array;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

async function readText(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response) {
    signal.throwIfAborted();
    size += (chunk as Uint8Array).length;
    if (size > maxJsonBytes) throw new RangeError(`an answer of more than ${maxJsonBytes} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString("utf8");
}
