import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** What a registry does wrong. `pass` is a healthy one. */
export type RegistryFault =
  | { readonly mode: "pass" }
  /** 429 with the body a public registry sends, for manifests. */
  | { readonly mode: "too-many-requests"; readonly retryAfterSeconds?: number; readonly message?: string }
  /** The connection ends after this many bytes of a blob. */
  | { readonly mode: "cut-blob"; readonly afterBytes: number }
  /** 404 with MANIFEST_UNKNOWN, for manifests. */
  | { readonly mode: "manifest-missing" }
  /** 500 for everything. */
  | { readonly mode: "server-error" }
  | { readonly mode: "delay"; readonly delayMs: number }
  /** Nobody listens: connections are refused. */
  | { readonly mode: "closed" };

/** One request as it arrived. */
export interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  readonly at: number;
}

/** An HTTP proxy in front of a registry, whose behaviour the test sets while it runs. */
export interface FaultProxy {
  readonly port: number;
  readonly requests: readonly RegistryRequest[];
  /** From the next request on; with `times`, only for so many requests that it applies to. */
  set(fault: RegistryFault, options?: { readonly times?: number }): Promise<void>;
  close(): Promise<void>;
}

/** Opens a fault proxy on 127.0.0.1 in front of another port there. Port 0 takes a free one. */
export async function openFaultProxy(options: {
  readonly port: number;
  readonly upstreamPort: number;
}): Promise<FaultProxy> {
  const requests: RegistryRequest[] = [];
  const state: { fault: RegistryFault; left: number } = { fault: { mode: "pass" }, left: 0 };
  const closing = new AbortController();

  const takeFault = (path: string): RegistryFault => {
    if (!appliesTo(state.fault, path) || state.left <= 0) {
      return { mode: "pass" };
    }
    state.left -= 1;
    return state.fault;
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    requests.push({ method: request.method ?? "GET", path, at: Date.now() });
    answer({
      request,
      response,
      fault: takeFault(path),
      port: options.upstreamPort,
      signal: closing.signal,
    }).catch(() => {
      response.destroy();
    });
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  const shut = async (): Promise<void> => {
    if (!server.listening) {
      return;
    }
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  };
  await listen(options.port);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    requests,
    async set(fault, { times = Number.POSITIVE_INFINITY } = {}) {
      state.fault = fault;
      state.left = times;
      if (fault.mode === "closed") {
        await shut();
      } else if (!server.listening) {
        await listen(port);
      }
    },
    async close() {
      closing.abort();
      await shut();
    },
  };
}

function appliesTo(fault: RegistryFault, path: string): boolean {
  switch (fault.mode) {
    case "too-many-requests":
    case "manifest-missing":
      return path.includes("/manifests/");
    case "cut-blob":
      return path.includes("/blobs/sha256:");
    case "server-error":
    case "delay":
    case "closed":
      return true;
    case "pass":
      return false;
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly fault: RegistryFault;
  readonly port: number;
  readonly signal: AbortSignal;
}

async function answer(exchange: Exchange): Promise<void> {
  const { request, response, fault, signal } = exchange;
  switch (fault.mode) {
    case "too-many-requests": {
      const headers: Record<string, string> = {};
      if (fault.retryAfterSeconds !== undefined) {
        headers["retry-after"] = String(fault.retryAfterSeconds);
      }
      refuse(response, {
        status: 429,
        code: "TOOMANYREQUESTS",
        message: fault.message ?? "You have reached your pull rate limit.",
        headers,
      });
      return;
    }
    case "manifest-missing":
      refuse(response, { status: 404, code: "MANIFEST_UNKNOWN", message: "manifest unknown", headers: {} });
      return;
    case "server-error":
      refuse(response, { status: 500, code: "UNKNOWN", message: "unknown error", headers: {} });
      return;
    case "closed":
      request.destroy();
      return;
    case "delay":
      await sleep(fault.delayMs, undefined, { signal });
      await forward(exchange);
      return;
    case "cut-blob":
      await forward(exchange, fault.afterBytes);
      return;
    case "pass":
      await forward(exchange);
  }
}

function refuse(
  response: ServerResponse,
  error: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly headers: Record<string, string>;
  },
): void {
  response.writeHead(error.status, { ...error.headers, "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code: error.code, message: error.message }] }));
}

async function forward({ request, response, port }: Exchange, cutAfterBytes?: number): Promise<void> {
  // The host header stays as it is, so that upload locations lead back through the proxy.
  const onward = httpRequest({
    host: "127.0.0.1",
    port,
    method: request.method,
    path: request.url,
    headers: request.headers,
    agent: false,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    onward.once("response", resolve);
    onward.once("error", reject);
  });
  pipeline(request, onward).catch(() => undefined);
  const upstream = await answered;
  response.writeHead(upstream.statusCode ?? 502, upstream.headers);
  if (cutAfterBytes === undefined) {
    await pipeline(upstream, response);
    return;
  }
  await pipeline(upstream, cutter(cutAfterBytes), response);
}

function cutter(afterBytes: number): Transform {
  let left = afterBytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (chunk.length < left) {
        left -= chunk.length;
        done(null, chunk);
        return;
      }
      this.push(chunk.subarray(0, left));
      // The bytes must be on their way before the connection goes.
      setTimeout(() => done(new Error("cut")), 20);
    },
  });
}
