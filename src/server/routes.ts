import { z } from "zod";
import type { ServerPort } from "../app/types.ts";
import { containerIdSchema } from "./contract.ts";
import { ApiError } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import { openApi } from "./openapi.ts";
import { defineRoute, json, type Route } from "./route.ts";
import { containerRoutes } from "./routes/containers.ts";
import { dependencyRoutes, healthRoutes, type Life } from "./routes/meta.ts";
import { stackRoutes } from "./routes/stacks.ts";
import { terminalPath, terminalQuery } from "./terminal-socket.ts";

/** Every route of the server, its own description among them. */
export function serverRoutes(state: { readonly life: Life; readonly metrics: Metrics }): readonly Route[] {
  const routes: Route[] = [
    ...healthRoutes(state.life),
    ...dependencyRoutes,
    ...containerRoutes,
    terminalRoute,
    ...stackRoutes,
    metricsRoute(state.metrics),
  ];
  // The document describes itself too.
  const document = defineRoute({
    method: "GET",
    path: "/api/openapi.json",
    summary: "This document",
    tag: "server",
    success: { type: "json", status: 200, schema: z.looseObject({}) },
    guarded: false,
    handle: () => json(described()),
  });
  routes.push(document);
  const described = once(() => openApi(routes));
  return routes;
}

/** For who comes without a WebSocket; with one, the request never gets here. */
const terminalRoute = defineRoute({
  method: "GET",
  path: terminalPath,
  summary: "A terminal, by WebSocket, with the token of a session",
  tag: "containers",
  params: z.strictObject({ container: containerIdSchema }),
  query: terminalQuery.partial(),
  success: { type: "stream", description: "Only as a WebSocket: JSON messages both ways" },
  errors: ["upgrade_required", "session_not_found"],
  guarded: true,
  protected: false,
  handle: () => {
    throw new ApiError("upgrade_required", "Cannot answer: this path is for WebSockets", {
      headers: { upgrade: "websocket", connection: "upgrade" },
    });
  },
});

function metricsRoute(metrics: Metrics): Route {
  return defineRoute({
    method: "GET",
    path: "/metrics",
    summary: "Figures for Prometheus",
    tag: "server",
    success: { type: "text", contentType: "text/plain; version=0.0.4; charset=utf-8" },
    guarded: false,
    handle: async ({ port }: { readonly port: ServerPort }) => ({
      type: "text",
      contentType: metrics.contentType,
      body: await metrics.text(port),
    }),
  });
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
