import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Spooled } from "../../runner/protocol/spool.ts";
import type { RunnerEndpoint } from "./endpoint.ts";

/** Short calls share at most this many connections. */
const maxSharedSockets = 32;
const maxIdleSockets = 8;
/** Shorter than the runner keeps an idle connection: who closes first knows that nothing is under way. */
const idleSocketMs = 30_000;
const connectDeadlineMs = 10_000;

export interface Exchange {
  readonly method: string;
  /** Whole path with query, below the endpoint's own. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Spooled | undefined;
  readonly signal: AbortSignal;
  /** Gets a connection of its own, so that streams never keep short calls waiting. */
  readonly ownConnection: boolean;
}

/** HTTP to one runner: one attempt a call. Rejects with Node's errors as they are, or with the signal's reason. */
export class Transport implements Disposable {
  readonly endpoint: RunnerEndpoint;
  /** PEM text of who signs the runner's certificate; undefined: those that Node trusts. */
  readonly ca: string | undefined;
  readonly #shared: HttpAgent;

  constructor(endpoint: RunnerEndpoint, ca: string | undefined) {
    this.endpoint = endpoint;
    this.ca = ca;
    const options = {
      keepAlive: true,
      maxSockets: maxSharedSockets,
      maxFreeSockets: maxIdleSockets,
      scheduling: "lifo",
      timeout: idleSocketMs,
      noDelay: true,
    } as const;
    this.#shared = endpoint.secure ? new HttpsAgent({ ...options, ca }) : new HttpAgent(options);
  }

  /** The head of the answer; its body is still to be read. The signal stays in force until that has ended. */
  async exchange(exchange: Exchange): Promise<IncomingMessage> {
    exchange.signal.throwIfAborted();
    return await settle(this.#open(exchange), exchange);
  }

  [Symbol.dispose](): void {
    this.#shared.destroy();
  }

  #open({ method, path, headers, body, ownConnection }: Exchange): ClientRequest {
    const { host, port, basePath, secure } = this.endpoint;
    const length = typeof body === "string" ? Buffer.byteLength(body) : (body?.sizeBytes ?? 0);
    const hasLength = body !== undefined || method === "POST";
    const options: RequestOptions = {
      method,
      host,
      port,
      path: basePath + path,
      headers: { ...headers, ...(hasLength ? { "content-length": String(length) } : {}) },
      agent: ownConnection ? false : this.#shared,
    };
    return secure ? httpsRequest({ ...options, ca: this.ca }) : httpRequest(options);
  }
}

/** Whether the runner closed a kept connection under us, so that not a byte of the request arrived. */
export function wasNotSent(cause: unknown): boolean {
  return typeof cause === "object" && cause !== null && "lashNotSent" in cause;
}

async function settle(request: ClientRequest, { signal, body }: Exchange): Promise<IncomingMessage> {
  return await new Promise<IncomingMessage>((resolve, reject) => {
    let open: ClientRequest | IncomingMessage = request;
    let connectTimer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      open.destroy(signal.reason instanceof Error ? signal.reason : undefined);
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    request.once("socket", (socket) => {
      if (!socket.connecting) return;
      connectTimer = setTimeout(() => request.destroy(connectTimedOut()), connectDeadlineMs);
      connectTimer.unref();
      socket.once("connect", () => clearTimeout(connectTimer));
    });
    request.once("response", (response) => {
      open = response;
      // Someone may stop reading before the end; the error then has no other listener.
      response.on("error", () => {});
      resolve(response);
    });
    request.on("error", (cause: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason as Error);
      else if (request.reusedSocket && cause.code === "EPIPE")
        reject(Object.assign(cause, { lashNotSent: true }));
      else reject(cause);
    });
    request.once("close", () => {
      clearTimeout(connectTimer);
      signal.removeEventListener("abort", onAbort);
      reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
    });
    if (body === undefined || typeof body === "string") {
      request.end(body);
      return;
    }
    pipeline(Readable.from(body.read(), { objectMode: false }), request).catch((cause: unknown) => {
      // The runner may answer, and close, before it has read everything: then its answer counts.
      if (open === request) reject(cause);
    });
  });
}

function connectTimedOut(): Error {
  return Object.assign(new Error(`no connection within ${connectDeadlineMs / 1000} s`), {
    code: "ETIMEDOUT",
  });
}
