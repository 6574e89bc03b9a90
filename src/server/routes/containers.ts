import { z } from "zod";
import type { ContainerRecord } from "../../app/types.ts";
import {
  containerIdSchema,
  containerListSchema,
  containerQuerySchema,
  containerSchema,
  createContainerSchema,
  emptySchema,
  ensuredImageSchema,
  ensureImageSchema,
  execResultSchema,
  execSchema,
  logsQuerySchema,
  openTerminalSchema,
  sessionIdSchema,
  stopSchema,
  terminalSchema,
} from "../contract.ts";
import { integerQuery } from "../query.ts";
import { defineRoute, empty, json, type Route } from "../route.ts";
import { selectContainers } from "../select-containers.ts";
import { containerEvents, logMessages } from "../streams.ts";

const params = z.strictObject({ container: containerIdSchema });
const path = "/api/containers/{container}";
const tag = "containers";

/** Images and containers on request. */
export const containerRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/api/images/ensure",
    summary: "Pull an image that is not there",
    tag: "images",
    body: ensureImageSchema,
    success: { type: "json", status: 200, schema: ensuredImageSchema },
    errors: ["image_not_found", "engine_refused", "engine_unsupported"],
    guarded: true,
    audit: "image.ensure",
    isLong: true,
    handle: async ({ port, signal }, { body }) => {
      const { id, pulled } = await port.containers.ensureImage(body.image, {
        signal,
        platform: body.platform,
      });
      return json({ image: body.image, id, pulled }, { target: body.image });
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/containers",
    summary: "List containers; running ones alone unless asked otherwise",
    tag,
    query: containerQuerySchema,
    repeated: ["label"],
    success: { type: "json", status: 200, schema: containerListSchema },
    guarded: ({ stale }) => stale !== true,
    handle: async ({ port, signal }, { query }) => {
      const isStale = query.stale === true;
      const all = isStale ? port.containers.known() : await port.containers.list({ signal });
      const { items, more } = selectContainers(all, query);
      const { lastSuccessAt } = port.dependency.snapshot();
      return json({
        items: items.map(containerBody),
        more,
        stale: isStale,
        ...(isStale && lastSuccessAt !== undefined ? { lastSuccessAt } : {}),
      });
    },
  }),
  defineRoute({
    method: "POST",
    path: "/api/containers",
    summary: "Create a container, by default pull its image and start it",
    tag,
    body: createContainerSchema,
    bodyLimitBytes: 1024 * 1024,
    success: { type: "json", status: 201, schema: containerSchema },
    errors: ["conflict", "image_not_found", "engine_refused", "engine_unsupported"],
    guarded: true,
    audit: "container.create",
    isLong: true,
    handle: async ({ port, signal }, { body }) => {
      const ports = body.ports?.map(({ containerPort, hostPort = 0, hostIp, protocol = "tcp" }) => ({
        containerPort,
        hostPort,
        // Reachable from elsewhere only where that was asked for.
        hostIp: hostIp ?? "127.0.0.1",
        protocol,
      }));
      const made = await port.containers.create({ ...body, ports }, { signal });
      return json(containerBody(made), { status: 201, target: made.name });
    },
  }),
  defineRoute({
    method: "GET",
    path,
    summary: "One container",
    tag,
    params,
    success: { type: "json", status: 200, schema: containerSchema },
    errors: ["container_not_found"],
    guarded: true,
    handle: async ({ port, signal }, { params: { container } }) =>
      json(containerBody(await port.containers.get(container, { signal }))),
  }),
  defineRoute({
    method: "POST",
    path: `${path}/start`,
    summary: "Start a container",
    tag,
    params,
    body: emptySchema,
    success: { type: "json", status: 200, schema: containerSchema },
    errors: ["container_not_found", "conflict", "engine_refused"],
    guarded: true,
    audit: "container.start",
    handle: async ({ port, signal }, { params: { container } }) =>
      json(containerBody(await port.containers.start(container, { signal }))),
  }),
  defineRoute({
    method: "POST",
    path: `${path}/stop`,
    summary: "Stop a container",
    tag,
    params,
    body: stopSchema,
    success: { type: "json", status: 200, schema: containerSchema },
    errors: ["container_not_found", "conflict", "engine_refused"],
    guarded: true,
    audit: "container.stop",
    handle: async ({ port, signal }, { params: { container }, body: { graceMs } }) =>
      json(containerBody(await port.containers.stop(container, { signal, graceMs }))),
  }),
  defineRoute({
    method: "DELETE",
    path,
    summary: "Stop and remove a container",
    tag,
    params,
    query: z.strictObject({ graceMs: integerQuery(0, 3_600_000).optional() }),
    success: { type: "empty" },
    errors: ["container_not_found", "conflict", "engine_refused"],
    guarded: true,
    audit: "container.remove",
    handle: async ({ port, signal }, { params: { container }, query: { graceMs } }) => {
      await port.containers.remove(container, { signal, graceMs });
      return empty;
    },
  }),
  defineRoute({
    method: "POST",
    path: `${path}/exec`,
    summary: "Run a command in a container to its end",
    tag,
    params,
    body: execSchema,
    bodyLimitBytes: 4 * 1024 * 1024,
    success: { type: "json", status: 200, schema: execResultSchema },
    errors: ["container_not_found", "conflict", "engine_refused"],
    guarded: true,
    audit: "container.exec",
    isLong: true,
    handle: async ({ port, signal }, { params: { container }, body }) => {
      const request = { ...body, timeoutMs: body.timeoutMs ?? 0 };
      return json(await port.containers.exec(container, request, { signal }));
    },
  }),
  defineRoute({
    method: "GET",
    path: `${path}/logs`,
    summary: "Output of a container",
    tag,
    params,
    query: logsQuerySchema,
    success: {
      type: "stream",
      description: "`log` events with stream, at and text, then `end`. `Last-Event-ID` goes on from there",
    },
    errors: ["container_not_found", "engine_refused"],
    guarded: true,
    handle: async ({ port, signal, lastEventId }, { params: { container }, query }) => {
      const follow = query.follow ?? false;
      const since = resumeFrom(lastEventId) ?? query.since;
      const { tail } = query;
      const entries = await port.containers.logs(container, { signal, follow, tail, since });
      return { type: "stream", messages: logMessages(entries, { since: resumeFrom(lastEventId) }) };
    },
  }),
  defineRoute({
    method: "GET",
    path: `${path}/events`,
    summary: "What happens to a container",
    tag,
    params,
    success: {
      type: "stream",
      description: "`event` events, `missed` where some are lost. `Last-Event-ID` goes on from there",
    },
    errors: ["container_not_found"],
    guarded: true,
    handle: async ({ port, signal, lastEventId }, { params: { container } }) => {
      const { id } = await port.containers.get(container, { signal });
      const messages = containerEvents(port.containers, { signal, lastEventId, containerId: id });
      return { type: "stream", messages };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/api/events",
    summary: "What happens to any of the containers",
    tag,
    success: {
      type: "stream",
      description: "`event` events, `missed` where some are lost. `Last-Event-ID` goes on from there",
    },
    guarded: true,
    handle: ({ port, signal, lastEventId }) => ({
      type: "stream",
      messages: containerEvents(port.containers, { signal, lastEventId, containerId: undefined }),
    }),
  }),
  defineRoute({
    method: "POST",
    path: `${path}/terminal/sessions`,
    summary: "Ask for a terminal; connect to it by WebSocket with its token",
    tag,
    params,
    body: openTerminalSchema,
    success: { type: "json", status: 201, schema: terminalSchema },
    errors: ["container_not_found", "conflict", "too_many_requests"],
    guarded: true,
    audit: "terminal.open",
    handle: async ({ port, signal }, { params: { container }, body }) => {
      const id = await port.containers.terminalTarget(container, { signal });
      const { columns = 120, rows = 32, command, user } = body;
      const { session, token } = port.containers.terminals.open(id, { columns, rows, command, user });
      const query = new URLSearchParams({ sessionId: session.id, token });
      return json(
        {
          sessionId: session.id,
          token,
          path: `/api/containers/${id}/terminal?${query.toString()}`,
          columns,
          rows,
          expiresAt: new Date(session.expiresAtMs).toISOString(),
        },
        { status: 201, target: `${container}/${session.id}` },
      );
    },
  }),
  defineRoute({
    method: "DELETE",
    path: `${path}/terminal/sessions/{session}`,
    summary: "End a terminal session",
    tag,
    params: z.strictObject({ container: containerIdSchema, session: sessionIdSchema }),
    success: { type: "empty" },
    errors: ["container_not_found", "session_not_found"],
    guarded: true,
    audit: "terminal.close",
    handle: async ({ port, signal }, { params: { container, session } }) => {
      const { id } = await port.containers.get(container, { signal });
      port.containers.terminals.closeIn(id, session);
      return empty;
    },
  }),
];

/** A container as it goes over the wire. */
export function containerBody(record: ContainerRecord): z.input<typeof containerSchema> {
  const { exitCode, createdAt, startedAt, finishedAt, expiresAtMs } = record;
  return {
    id: record.id,
    name: record.name,
    image: record.image,
    state: record.state,
    health: record.health,
    ...(exitCode === undefined ? {} : { exitCode }),
    oomKilled: record.oomKilled,
    labels: { ...record.labels },
    ports: record.ports.map(({ containerPort, hostPort = 0, hostIp, protocol }) => ({
      containerPort,
      hostPort,
      hostIp,
      protocol,
    })),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    lastUsedAt: new Date(record.lastUsedAtMs).toISOString(),
    ttlSeconds: record.ttlSeconds,
    ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
    uses: record.uses,
    terminating: record.terminating,
  };
}

/** A `Last-Event-ID` of a log is the moment of its line. Anything else is none of ours and counts as none. */
export function resumeFrom(lastEventId: string | undefined): string | undefined {
  return lastEventId !== undefined && /^\d{4}-\d\d-\d\dT[\d:.]{8,18}Z$/.test(lastEventId)
    ? lastEventId
    : undefined;
}
