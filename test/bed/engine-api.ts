import { createReadStream } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";

/** The answer of an engine, read to its end. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

export interface ApiRequest {
  readonly method?: string;
  readonly body?: unknown;
  /** A file to send instead of `body`. */
  readonly file?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 60 s for everything, including the answer's body. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** One request to an engine's socket, without Lash's own client: the bed must not depend on what it tests. */
export async function callEngine(socket: string, path: string, options: ApiRequest = {}): Promise<ApiAnswer> {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(options.signal?.reason);
  options.signal?.throwIfAborted();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const timeoutMs = options.timeoutMs ?? 60_000;
  const timer = setTimeout(() => {
    controller.abort(
      new Error(`Cannot finish ${options.method ?? "GET"} ${path}: no answer after ${timeoutMs} ms`),
    );
  }, timeoutMs);
  try {
    return await exchange(socket, path, options, controller.signal);
  } catch (cause) {
    controller.signal.throwIfAborted();
    throw cause;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
}

/** As callEngine(), parses the JSON answer, and rejects with the engine's words on a status of 400 and above. */
export async function askEngine<T>(socket: string, path: string, options: ApiRequest = {}): Promise<T> {
  const answer = await callEngine(socket, path, options);
  if (answer.status >= 400) {
    throw new Error(`Cannot do ${options.method ?? "GET"} ${path}: ${answer.status} ${answer.text.trim()}`);
  }
  return (answer.text === "" ? undefined : JSON.parse(answer.text)) as T;
}

async function exchange(
  socket: string,
  path: string,
  options: ApiRequest,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const headers: Record<string, string> = { host: "engine", ...options.headers };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = String(Buffer.byteLength(body));
  } else if (options.file !== undefined) {
    headers["content-type"] = "application/x-tar";
  }
  const request = httpRequest({
    socketPath: socket,
    path,
    method: options.method ?? "GET",
    headers,
    signal,
    agent: false,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
  });
  if (options.file !== undefined) {
    // An engine that refuses early ends the upload; the answer says why, so its error is not interesting.
    pipeline(createReadStream(options.file), request).catch(() => undefined);
  } else {
    request.end(body);
  }
  const response = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: Buffer.concat(chunks).toString(),
  };
}
