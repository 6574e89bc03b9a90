import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { checkOrigin } from "./access.ts";
import { closingError, explain } from "./answer.ts";
import { parsePart, readQuery } from "./body.ts";
import { containerIdSchema, sessionIdSchema } from "./contract.ts";
import { ApiError } from "./errors.ts";
import { guard } from "./guard.ts";
import { isWebSocket, sendRaw } from "./http.ts";
import type { ServerState } from "./state.ts";
import { closeCode, TerminalPump } from "./terminal-pump.ts";

/** Where a terminal's WebSocket connects. */
export const terminalPath = "/api/containers/{container}/terminal";

const pathPattern = /^\/api\/containers\/([^/]+)\/terminal$/;
const paramsSchema = z.strictObject({ container: containerIdSchema });
/** The token of a session stands for the right to use it: a browser cannot send another with a WebSocket. */
export const terminalQuery = z.strictObject({
  sessionId: sessionIdSchema,
  token: z.string().regex(/^[0-9a-f]{48}$/, "expected the session's token"),
});
const largestFrameBytes = 128 * 1024;

/** Terminals over WebSocket, on the same port as everything else. */
export interface TerminalSockets extends AsyncDisposable {
  readonly count: number;
}

export function serveTerminals(server: Server, state: ServerState): TerminalSockets {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: largestFrameBytes });
  const open = new Set<TerminalPump>();
  sockets.on("wsClientError", (error, socket) => {
    sendRaw(socket, new ApiError("bad_request", `Cannot begin a WebSocket: ${error.message}`));
  });
  server.on("upgrade", (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    void upgrade(incoming, socket, head);
  });

  async function upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    try {
      const url = admit(incoming);
      await guard(state.port.dependency, state.closing);
      if (state.closing.aborted) throw closingError();
      if (socket.destroyed) return;
      sockets.handleUpgrade(incoming, socket, head, (connection) => void run(connection, url));
    } catch (thrown) {
      sendRaw(socket, explain(state, thrown, { path: terminalPath }));
    }
  }

  /** What is wrong with these is told as to any request; what is wrong with the session, over the WebSocket. */
  function admit(incoming: IncomingMessage): URL {
    checkOrigin(incoming.headers, state.settings);
    if (state.life.state === "ending") throw closingError();
    const target = incoming.url ?? "";
    if (!target.startsWith("/") || !URL.canParse(target, "http://server")) {
      throw new ApiError("bad_request", "Cannot use the request: its target makes no sense");
    }
    const url = new URL(target, "http://server");
    if (!pathPattern.test(url.pathname)) {
      throw new ApiError("route_not_found", "Cannot answer: no WebSocket is served there");
    }
    if (!isWebSocket(incoming)) {
      throw new ApiError("upgrade_required", "Cannot answer: this path is for WebSockets");
    }
    if (incoming.method !== "GET") {
      throw new ApiError("method_not_allowed", "Cannot answer: a WebSocket begins with GET", {
        headers: { allow: "GET" },
      });
    }
    return url;
  }

  async function run(connection: WebSocket, url: URL): Promise<void> {
    const release = state.streams.open();
    connection.once("close", release);
    connection.on("error", () => connection.terminate());
    let pump: TerminalPump | undefined;
    try {
      const [, container = ""] = pathPattern.exec(url.pathname) ?? [];
      const { sessionId, token } = parsePart(terminalQuery, readQuery(url.searchParams, []), {
        part: "query",
      });
      const params = parsePart(paramsSchema, { container }, { part: "params" });
      pump = new TerminalPump(state, connection, { ...params, sessionId, token });
      open.add(pump);
      await pump.run();
    } catch (thrown) {
      const error = explain(state, thrown, { path: terminalPath });
      if (error.code === "internal") state.log.fault("Cannot serve a terminal", error.cause);
      if (connection.readyState === WebSocket.OPEN) {
        connection.send(JSON.stringify({ type: "error", ...error.body }));
        connection.close(closeCode(error), error.code);
      }
    } finally {
      if (pump !== undefined) open.delete(pump);
    }
  }

  return {
    get count() {
      return open.size;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map(async (pump) => await pump.end()));
      for (const connection of sockets.clients) connection.terminate();
      sockets.close();
    },
  };
}
