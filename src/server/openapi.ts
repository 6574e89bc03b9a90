import { z } from "zod";
import type { JsonObject } from "../model/json.ts";
import { version } from "../model/version.ts";
import { type ApiCode, components, errorStatus } from "./contract.ts";
import type { Route } from "./route.ts";

/** The OpenAPI 3.1 document of these routes, made from the schemas that they parse with. */
export function openApi(routes: readonly Route[]): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Lash server",
      version,
      description: "Containers on request, and the stacks of an engine",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

function operation(route: Route): JsonObject {
  const { params, query, body, success, errors = [] } = route;
  const isProtected = route.protected !== false;
  const codes: ApiCode[] = [
    ...(params === undefined && query === undefined && body === undefined
      ? []
      : (["validation_failed"] as const)),
    ...(body === undefined ? [] : (["bad_request", "payload_too_large", "unsupported_media_type"] as const)),
    ...(isProtected ? (["unauthorized"] as const) : []),
    "host_not_allowed",
    "origin_not_allowed",
    ...errors,
    ...(route.guarded({}) ? (["docker_runner_not_ready", "engine_not_ready", "engine_failed"] as const) : []),
    ...(isProtected ? (["shutting_down", "internal"] as const) : []),
  ];
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    ...(isProtected ? { security: [{}, { token: [] }] } : {}),
    parameters: [...parameters(params, "path"), ...parameters(query, "query")],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !body.safeParse({}).success,
            content: { "application/json": { schema: schemaOf(body) } },
          },
        }),
    responses: { ...successOf(success), ...errorResponses(codes) },
  };
}

/** "GET /api/containers/{container}/logs" as a name: "getContainersContainerLogs". */
function operationId({ method, path }: Route): string {
  const words = path
    .split(/[^a-zA-Z]+/)
    .filter((word) => word !== "" && word !== "api")
    .map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`);
  return `${method.toLowerCase()}${words.join("")}`;
}

function successOf(success: Route["success"]): JsonObject {
  switch (success.type) {
    case "json":
      return {
        [String(success.status)]: {
          description: "Done",
          content: { "application/json": { schema: schemaOf(success.schema) } },
        },
      };
    case "empty":
      return { "204": { description: "Done" } };
    case "text":
      return {
        "200": { description: "Done", content: { [success.contentType]: { schema: { type: "string" } } } },
      };
    case "stream":
      return {
        "200": {
          description: success.description,
          content: { "text/event-stream": { schema: { type: "string" } } },
        },
      };
  }
}

function errorResponses(codes: readonly ApiCode[]): JsonObject {
  const byStatus = new Map<number, ApiCode[]>();
  for (const code of codes) {
    const known = byStatus.get(errorStatus[code]) ?? [];
    byStatus.set(errorStatus[code], [...known, code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      String(status),
      {
        description: [...new Set(all)].join(", "),
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    ]),
  );
}

/** Members of an object's schema as parameters. */
function parameters(schema: z.ZodType | undefined, place: "path" | "query"): JsonObject[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema) as {
    readonly properties?: Readonly<Record<string, JsonObject>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, each]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: each,
  }));
}

/** A reference to a schema that has a name, or the schema itself. */
function schemaOf(schema: z.ZodType): JsonObject {
  const name = Object.entries(components).find(([, each]) => each === schema)?.[0];
  return name === undefined ? jsonSchema(schema) : { $ref: `#/components/schemas/${name}` };
}

function componentSchemas(): JsonObject {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(components)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    ...options,
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(schemas as unknown as Readonly<Record<string, JsonObject>>).map(([id, schema]) => [
      id,
      plain(schema),
    ]),
  );
}

function jsonSchema(schema: z.ZodType): JsonObject {
  return plain(z.toJSONSchema(schema, options) as unknown as JsonObject);
}

const options = {
  target: "draft-2020-12",
  io: "input",
  override: ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: object }): void => {
    const meta = z.globalRegistry.get(zodSchema);
    if (meta?.description !== undefined) Object.assign(jsonSchema, { description: meta.description });
    const override = meta?.["override"];
    if (typeof override !== "object" || override === null) return;
    for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
    Object.assign(jsonSchema, override);
  },
} as const;

/** Without what only a document of its own has. */
function plain({ $schema: _schema, $id: _id, id: _own, ...rest }: JsonObject): JsonObject {
  return rest;
}
