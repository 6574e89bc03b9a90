import { z } from "zod";
import type { StackDetails, StackOperation, StackResource, StackSummary } from "../../app/types.ts";
import {
  logsQuerySchema,
  operationSchema,
  resourceNameSchema,
  resourceSchema,
  stackActionSchema,
  stackDetailsSchema,
  stackDownSchema,
  stackListSchema,
  stackNameSchema,
  stackUpSchema,
  stopSchema,
} from "../contract.ts";
import { ApiError } from "../errors.ts";
import { booleanQuery } from "../query.ts";
import { defineRoute, empty, json, type Route } from "../route.ts";
import { resourceLogMessages, stackNews } from "../streams.ts";

const params = z.strictObject({ stack: stackNameSchema });
const resourceParams = z.strictObject({ stack: stackNameSchema, resource: resourceNameSchema });
const path = "/api/stacks/{stack}";
const resourcePath = `${path}/resources/{resource}`;
const tag = "stacks";
const waitQuery = z.strictObject({ wait: booleanQuery.optional() });
const actionErrors = [
  "stack_not_found",
  "resource_not_found",
  "conflict",
  "stack_held",
  "stack_failed",
] as const;

const logStream = {
  type: "stream",
  description: "`log` events with resource, stream, at and text, then `end`",
} as const;

/** The stacks of the engine and their resources. */
export const stackRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/api/stacks",
    summary: "Every stack that the engine has, and those whose manifests the server has",
    tag,
    success: { type: "json", status: 200, schema: stackListSchema },
    guarded: true,
    handle: async ({ port, signal }) =>
      json({ items: (await port.stacks.list({ signal })).map(summaryBody) }),
  }),
  defineRoute({
    method: "GET",
    path,
    summary: "One stack and its resources",
    tag,
    params,
    success: { type: "json", status: 200, schema: stackDetailsSchema },
    errors: ["stack_not_found"],
    guarded: true,
    handle: async ({ port, signal }, { params: { stack } }) =>
      json(detailsBody(await port.stacks.get(stack, { signal }))),
  }),
  defineRoute({
    method: "GET",
    path: resourcePath,
    summary: "One resource of a stack",
    tag,
    params: resourceParams,
    success: { type: "json", status: 200, schema: resourceSchema },
    errors: ["stack_not_found", "resource_not_found"],
    guarded: true,
    handle: async ({ port, signal }, { params: { stack, resource } }) => {
      const { items } = await port.stacks.get(stack, { signal });
      const found = items.find(({ name }) => name === resource);
      if (found === undefined) {
        throw new ApiError("resource_not_found", `Cannot find resource "${resource}" in stack "${stack}"`);
      }
      return json(resourceBody(found));
    },
  }),
  ...(["start", "stop", "restart"] as const).flatMap((action) => [
    defineRoute({
      method: "POST",
      path: `${path}/${action}`,
      summary: `${sentence(action)} resources of a stack, by default all`,
      tag,
      params,
      body: stackActionSchema,
      success: { type: "empty" },
      errors: [...actionErrors, "engine_refused"],
      guarded: true,
      audit: `stack.${action}`,
      handle: async ({ port, signal }, { params: { stack }, body }) => {
        await port.stacks.act(stack, action, { signal, ...body });
        return empty;
      },
    }),
    defineRoute({
      method: "POST",
      path: `${resourcePath}/${action}`,
      summary: `${sentence(action)} one resource of a stack`,
      tag,
      params: resourceParams,
      body: stopSchema,
      success: { type: "empty" },
      errors: [...actionErrors, "engine_refused"],
      guarded: true,
      audit: `resource.${action}`,
      handle: async ({ port, signal }, { params: { stack, resource }, body: { graceMs } }) => {
        await port.stacks.act(stack, action, { signal, resources: [resource], graceMs });
        return empty;
      },
    }),
  ]),
  defineRoute({
    method: "POST",
    path: `${path}/up`,
    summary: "Bring a stack of the server's folder up",
    tag,
    params,
    query: waitQuery,
    body: stackUpSchema,
    success: { type: "json", status: 202, schema: operationSchema },
    errors: ["stack_not_found", "resource_not_found", "manifest_invalid", "conflict"],
    guarded: true,
    audit: "stack.up",
    isLong: true,
    handle: async ({ port, signal }, { params: { stack }, query, body }) => {
      const begun = await port.stacks.up(stack, body);
      if (query.wait !== true) return json(operationBody(begun), { status: 202 });
      return json(operationBody((await port.stacks.settled(stack, { signal })) ?? begun), { status: 202 });
    },
  }),
  defineRoute({
    method: "POST",
    path: `${path}/down`,
    summary: "Take a stack of the server's folder down",
    tag,
    params,
    query: waitQuery,
    body: stackDownSchema,
    success: { type: "json", status: 202, schema: operationSchema },
    errors: ["stack_not_found", "manifest_invalid", "conflict"],
    guarded: true,
    audit: "stack.down",
    isLong: true,
    handle: async ({ port, signal }, { params: { stack }, query, body }) => {
      const begun = await port.stacks.down(stack, body);
      if (query.wait !== true) return json(operationBody(begun), { status: 202 });
      return json(operationBody((await port.stacks.settled(stack, { signal })) ?? begun), { status: 202 });
    },
  }),
  defineRoute({
    method: "GET",
    path: `${path}/logs`,
    summary: "Output of all resources of a stack",
    tag,
    params,
    query: logsQuerySchema,
    success: logStream,
    errors: ["stack_not_found"],
    guarded: true,
    handle: async ({ port, signal }, { params: { stack }, query }) => {
      const { follow = false, tail, since } = query;
      const logs = await port.stacks.logs(stack, { signal, follow, tail, since });
      return { type: "stream", messages: resourceLogMessages(logs) };
    },
  }),
  defineRoute({
    method: "GET",
    path: `${resourcePath}/logs`,
    summary: "Output of one resource",
    tag,
    params: resourceParams,
    query: logsQuerySchema,
    success: logStream,
    errors: ["stack_not_found", "resource_not_found"],
    guarded: true,
    handle: async ({ port, signal }, { params: { stack, resource }, query }) => {
      const { follow = false, tail, since } = query;
      const logs = await port.stacks.logs(stack, { signal, resource, follow, tail, since });
      return { type: "stream", messages: resourceLogMessages(logs) };
    },
  }),
  defineRoute({
    method: "GET",
    path: `${path}/events`,
    summary: "What happens in a stack",
    tag,
    params,
    success: {
      type: "stream",
      description: "`container` events of the engine, `stack` events while this server holds the stack",
    },
    errors: ["stack_not_found"],
    guarded: true,
    handle: async ({ port, signal }, { params: { stack } }) => ({
      type: "stream",
      messages: stackNews(await port.stacks.news(stack, { signal })),
    }),
  }),
];

function sentence(word: string): string {
  return `${word[0]?.toUpperCase()}${word.slice(1)}`;
}

function summaryBody({ name, manifest, resources, running, managed }: StackSummary) {
  return { name, manifest, resources, running, managed };
}

function detailsBody(details: StackDetails): z.input<typeof stackDetailsSchema> {
  const { operation } = details;
  return {
    ...summaryBody(details),
    items: details.items.map(resourceBody),
    ...(operation === undefined ? {} : { operation: operationBody(operation) }),
  };
}

function resourceBody(resource: StackResource): z.input<typeof resourceSchema> {
  const { containerId, containerName, startedAt, exitCode } = resource;
  return {
    name: resource.name,
    kind: resource.kind,
    status: resource.status,
    detail: resource.detail,
    ...(containerId === undefined ? {} : { containerId }),
    ...(containerName === undefined ? {} : { containerName }),
    image: resource.image,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(exitCode === undefined ? {} : { exitCode }),
    restarts: resource.restarts,
    ports: [...resource.ports],
  };
}

function operationBody(operation: StackOperation): z.input<typeof operationSchema> {
  const { action, state, startedAtMs } = operation;
  const started = { action, state, startedAt: new Date(startedAtMs).toISOString() };
  if (operation.state === "running") return started;
  const ended = { ...started, endedAt: new Date(operation.endedAtMs).toISOString() };
  return operation.state === "failed" ? { ...ended, error: operation.error } : ended;
}
