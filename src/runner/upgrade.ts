import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocketServer } from "ws";
import { checkSignature, stopping } from "./app.ts";
import { serveExec } from "./exec-socket.ts";
import { HttpError, refusalOf } from "./http-error.ts";
import { emptyBodyHash } from "./protocol/signature.ts";
import type { Verifier } from "./protocol/verify.ts";
import { pathOf } from "./ready.ts";
import type { RunnerContext } from "./route.ts";

/** Largest frame taken: input comes in small pieces. */
const maxFrameBytes = 4 * 1024 * 1024;
/** The system asks a silent peer after this time whether it is there. */
const keepAliveMs = 30_000;

/** Answers upgrades: the socket of a command, signed like any request. Refusals are HTTP with a body, before any frame. */
export class Upgrades {
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    clientTracking: false,
  });
  readonly #context: RunnerContext;
  readonly #verifier: Verifier;
  readonly #log: Logger;
  readonly #running = new Set<Promise<void>>();

  constructor(context: RunnerContext, verifier: Verifier, log: Logger) {
    this.#context = context;
    this.#verifier = verifier;
    this.#log = log;
  }

  take(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    try {
      if (this.#context.stopping.aborted) throw stopping();
      const id = /^\/v1\/execs\/([\w-]{1,64})\/socket$/.exec(pathOf(incoming))?.[1];
      if (id === undefined) throw new HttpError("not_found", "Cannot upgrade: there is no such route");
      const key = checkSignature(incoming, this.#verifier, emptyBodyHash);
      if (incoming.headers.upgrade?.toLowerCase() !== "websocket")
        throw new HttpError("bad_request", "Cannot upgrade to anything but a WebSocket");
      const exec = this.#context.execs.take(id, key.owner);
      if (exec === undefined) throw new HttpError("not_found", "Cannot attach: there is no such command");
      let isAttached = false;
      // A handshake that is wrong is answered and closed without the callback.
      socket.once("close", () => {
        if (!isAttached) void exec[Symbol.asyncDispose]();
      });
      this.#sockets.handleUpgrade(incoming, socket, head, (webSocket) => {
        isAttached = true;
        if ("setKeepAlive" in socket && typeof socket.setKeepAlive === "function")
          socket.setKeepAlive(true, keepAliveMs);
        const { stopping: signal, heartbeatMs: everyMs } = this.#context;
        const running = serveExec(webSocket, exec, { signal, everyMs }).catch((error: unknown) => {
          this.#log.error({ error }, "a command's socket failed");
        });
        this.#running.add(running);
        void running.finally(() => this.#running.delete(running));
      });
    } catch (error) {
      this.#refuse(socket, error);
    }
  }

  /** Resolves when every socket has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  #refuse(socket: Duplex, error: unknown): void {
    const { status, headers, body } = refusalOf(error);
    this.#log.info({ route: "upgrade", status, errorCode: body.error.code }, "refused");
    const text = JSON.stringify(body);
    const lines = Object.entries({
      ...headers,
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(text)),
      connection: "close",
    }).map(([name, value]) => `${name}: ${value}`);
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("\r\n")}\r\n\r\n${text}`);
  }
}
