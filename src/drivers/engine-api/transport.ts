import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { type Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Endpoint } from "./endpoint.ts";
import { codeOf } from "./errors.ts";

/**
 * Short calls share at most this many connections. The engine's own locks flatten parallel work far below it, and a
 * burst stays clear of a default file limit of 1024 on either side.
 */
const maxSharedSockets = 32;
const maxIdleSockets = 8;
/** An idle connection is closed by us first: reusing one the engine has just closed would fail. */
const idleSocketMs = 30_000;
/** A local socket connects in microseconds; 10 s is for a remote engine over a bad line. */
const connectDeadlineMs = 10_000;

export interface Exchange {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Whole path with query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | AsyncIterable<Uint8Array> | undefined;
  readonly signal: AbortSignal;
  /** Gets a connection of its own, closed afterwards, so that streams never keep short calls waiting. */
  readonly ownConnection?: boolean | undefined;
  /** Asks for `Upgrade: tcp`. */
  readonly upgrade?: boolean | undefined;
}

/** The head of a response, its body still to be read; or the raw connection after status 101. */
export type Answer =
  | { readonly tag: "response"; readonly response: IncomingMessage }
  | { readonly tag: "upgraded"; readonly socket: Duplex; readonly head: Uint8Array };

/** HTTP to one endpoint. Rejects with Node's errors as they are, or with the signal's reason. */
export class Transport implements Disposable {
  readonly #endpoint: Endpoint;
  readonly #shared: HttpAgent;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    const options = {
      keepAlive: true,
      maxSockets: maxSharedSockets,
      maxFreeSockets: maxIdleSockets,
      scheduling: "lifo",
      // Node destroys idle sockets after it, never busy ones: those have their deadline from the caller.
      timeout: idleSocketMs,
    } as const;
    this.#shared = isSecure(endpoint) ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /**
   * Sends a request and resolves with the head of its answer. A kept connection may have been closed by the engine
   * while it was idle: then the request is sent once more on a fresh one, provided the engine cannot have seen it.
   */
  async exchange(exchange: Exchange): Promise<Answer> {
    exchange.signal.throwIfAborted();
    const first = this.#open(exchange, exchange.ownConnection === true);
    try {
      return await settle(first, exchange);
    } catch (cause) {
      exchange.signal.throwIfAborted();
      if (!isStale(first, exchange, cause)) throw cause;
      return await settle(this.#open(exchange, true), exchange);
    }
  }

  [Symbol.dispose](): void {
    this.#shared.destroy();
  }

  #open(exchange: Exchange, ownConnection: boolean): ClientRequest {
    const endpoint = this.#endpoint;
    const headers: Record<string, string> = { Host: "lash", ...exchange.headers };
    if (typeof exchange.body === "string")
      headers["Content-Length"] = String(Buffer.byteLength(exchange.body));
    else if (exchange.body === undefined && exchange.method === "POST") headers["Content-Length"] = "0";
    if (exchange.upgrade === true) Object.assign(headers, { Connection: "Upgrade", Upgrade: "tcp" });
    const common = {
      method: exchange.method,
      headers,
      agent: ownConnection || exchange.upgrade === true ? (false as const) : this.#shared,
    };
    if (endpoint.kind === "unix") {
      return httpRequest({ ...common, socketPath: endpoint.path, path: exchange.path });
    }
    headers["Host"] = endpoint.host;
    const target = { host: endpoint.host, port: endpoint.port, path: endpoint.basePath + exchange.path };
    if (endpoint.tls === undefined) return httpRequest({ ...common, ...target });
    const { ca, cert, key, verify } = endpoint.tls;
    return httpsRequest({ ...common, ...target, ca, cert, key, rejectUnauthorized: verify });
  }
}

function isSecure(endpoint: Endpoint): boolean {
  return endpoint.kind === "tcp" && endpoint.tls !== undefined;
}

/**
 * Whether the engine closed a kept connection under us. What only reads is sent again after any such end. Anything
 * else only after EPIPE: the write itself was refused, so not a byte arrived; after ECONNRESET it may have.
 */
function isStale(request: ClientRequest, exchange: Exchange, cause: unknown): boolean {
  if (!request.reusedSocket || (exchange.body !== undefined && typeof exchange.body !== "string"))
    return false;
  const code = codeOf(cause);
  if (exchange.method === "GET" || exchange.method === "HEAD")
    return code === "ECONNRESET" || code === "EPIPE";
  return code === "EPIPE";
}

/** Ends with the head of the answer. The signal stays in force until the answer's body or connection has ended. */
async function settle(request: ClientRequest, exchange: Exchange): Promise<Answer> {
  const { signal, body } = exchange;
  return await new Promise<Answer>((resolve, reject) => {
    let open: ClientRequest | IncomingMessage | Duplex = request;
    let upgraded = false;
    let connectTimer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      open.destroy(signal.reason instanceof Error ? signal.reason : undefined);
      reject(signal.reason as Error);
    };
    const unlink = (): void => {
      clearTimeout(connectTimer);
      signal.removeEventListener("abort", onAbort);
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
      resolve({ tag: "response", response });
    });
    request.once("upgrade", (_response, socket: Duplex, head) => {
      open = socket;
      upgraded = true;
      socket.on("error", () => {});
      socket.once("close", unlink);
      resolve({ tag: "upgraded", socket, head });
    });
    request.on("error", (cause) => {
      reject(signal.aborted ? (signal.reason as Error) : cause);
    });
    request.once("close", () => {
      if (!upgraded) unlink();
      reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
    });
    if (body === undefined || typeof body === "string") {
      request.end(body);
      return;
    }
    pipeline(Readable.from(body, { objectMode: false }), request).catch((cause: unknown) => {
      // The engine may answer, and close, before it has read everything: then its answer counts.
      if (open === request) reject(cause);
    });
  });
}

function connectTimedOut(): Error {
  return Object.assign(new Error(`no connection within ${connectDeadlineMs / 1000} s`), {
    code: "ETIMEDOUT",
  });
}
