import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { checkOrigin } from "./access.ts";
import { answer, commonHeaders, errorResponse, explain } from "./answer.ts";
import { ApiError } from "./errors.ts";
import type { Route } from "./route.ts";
import type { ServerState } from "./state.ts";

/** The routes as an HTTP server that does not listen yet. */
export function createHttpServer(state: ServerState, routes: readonly Route[]): Server {
  const app = createApp(state, routes);
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    overrideGlobalObjects: false,
    // Thrown before a request is one: a Host or a target that no URL can be made of.
    errorHandler: () =>
      errorResponse(
        new ApiError("bad_request", "Cannot use the request: its target or its host makes no sense"),
      ),
  });
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    void listener(incoming, outgoing);
  };
  const server = createServer(
    {
      headersTimeout: 15_000,
      requestTimeout: 60_000,
      keepAliveTimeout: 5000,
      maxHeaderSize: 16 * 1024,
      // A request without one is answered by us, with a code.
      requireHostHeader: false,
      // Node 24 and later: what asks for another protocol than ours is answered as if it had not.
      ...{ shouldUpgradeCallback: (incoming: IncomingMessage) => isWebSocket(incoming) },
    },
    onRequest,
  );
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => refuseBytes(error, socket));
  // Answered like any other request: a 100-continue is what readJson sends by reading.
  server.on("checkExpectation", (_incoming: IncomingMessage, outgoing: ServerResponse) => {
    send(outgoing, new ApiError("bad_request", "Cannot use the request: its Expect header is not supported"));
  });
  return server;
}

export function isWebSocket(incoming: IncomingMessage): boolean {
  return (incoming.headers.upgrade ?? "").toLowerCase() === "websocket";
}

function createApp(state: ServerState, routes: readonly Route[]): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (context, next) => {
    checkOrigin(context.env.incoming.headers, state.settings);
    await next();
  });
  for (const route of routes) {
    app.on(route.method, honoPath(route.path), async (context) =>
      answer(state, {
        route,
        params: context.req.param(),
        search: new URL(context.req.url).searchParams,
        incoming: context.env.incoming,
        outgoing: context.env.outgoing,
      }),
    );
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.flatMap((route) => (route.path === path ? [route.method] : []));
    const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].join(", ");
    app.all(honoPath(path), () => {
      throw new ApiError("method_not_allowed", `Cannot answer: this path takes ${allow}`, {
        headers: { allow },
      });
    });
  }
  app.notFound(() => errorResponse(new ApiError("route_not_found", "Cannot answer: there is no such path")));
  app.onError((error) => {
    const known = explain(state, error, { path: "(none)" });
    if (known.code === "internal") state.log.fault("Cannot answer a request", error);
    return errorResponse(known);
  });
  return app;
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Bytes that are no HTTP, or too much or too slow of it. */
function refuseBytes(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  sendRaw(socket, codeError(error.code));
}

function codeError(code: string | undefined): ApiError {
  if (code === "HPE_HEADER_OVERFLOW") {
    return new ApiError("headers_too_large", "Cannot use the request: its headers are larger than 16 KiB");
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return new ApiError("request_timeout", "Cannot use the request: it did not arrive in time");
  }
  return new ApiError("bad_request", "Cannot use the request: it is no HTTP");
}

function send(outgoing: ServerResponse, error: ApiError): void {
  const body = JSON.stringify(error.body);
  outgoing.writeHead(error.status, {
    ...commonHeaders,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    connection: "close",
    ...error.headers,
  });
  outgoing.end(body);
}

/** An answer on a connection that has no response object, after which it ends. */
export function sendRaw(socket: Duplex, error: ApiError): void {
  const body = JSON.stringify(error.body);
  const headers = {
    ...commonHeaders,
    ...error.headers,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once("error", () => socket.destroy());
  socket.end(`HTTP/1.1 ${error.status} ${reason(error.code)}\r\n${head.join("")}\r\n${body}`, () =>
    socket.destroy(),
  );
}

function reason(code: string): string {
  return code.replaceAll("_", " ");
}
