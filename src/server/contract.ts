import { z } from "zod";
import { parseImageReference } from "../model/image-reference.ts";
import { booleanQuery, integerQuery, momentQuery } from "./query.ts";

/** Every code that an answer may carry, with its status. Closed: clients may list them. */
export const errorStatus = {
  bad_request: 400,
  validation_failed: 400,
  unauthorized: 401,
  host_not_allowed: 403,
  origin_not_allowed: 403,
  route_not_found: 404,
  container_not_found: 404,
  image_not_found: 404,
  stack_not_found: 404,
  resource_not_found: 404,
  session_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  conflict: 409,
  stack_held: 409,
  stack_failed: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  engine_refused: 422,
  manifest_invalid: 422,
  upgrade_required: 426,
  too_many_requests: 429,
  headers_too_large: 431,
  internal: 500,
  engine_unsupported: 501,
  engine_failed: 502,
  docker_runner_not_ready: 503,
  engine_not_ready: 503,
  shutting_down: 503,
} as const satisfies Readonly<Record<string, number>>;

export type ApiCode = keyof typeof errorStatus;

/** Statuses that a route may answer with, by code, unless it is said to have fewer. */
export const apiCodes: readonly ApiCode[] = Object.keys(errorStatus).filter((code): code is ApiCode =>
  Object.hasOwn(errorStatus, code),
);

export const errorSchema = z.strictObject({
  error: z.strictObject({
    code: z.string().meta({ enum: [...apiCodes] }),
    message: z.string(),
    hint: z.string().optional(),
    issues: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  }),
});

// Texts. None of what an engine is given may hold a NUL.
// oxlint-disable-next-line no-control-regex
const noNul = /^[^\u0000]*$/;
const text = (most: number) => z.string().max(most).regex(noNul, "expected no NUL character");
const words = z.array(text(32_768)).max(1000);
const whole = (least: number, most: number) => z.int().min(least).max(most);

/** Id or name of a container, as engines have them. */
export const containerIdSchema = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/, "expected a container's name or id");
export const stackNameSchema = z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, "expected a stack's name");
export const resourceNameSchema = z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, "expected a resource's name");
export const sessionIdSchema = z.string().regex(/^[0-9a-f-]{36}$/, "expected a session's id");

const imageSchema = z
  .string()
  .min(1)
  .max(512)
  .refine((value) => parseImageReference(value).ok, "expected an image reference such as redis:7");
const platformSchema = z
  .string()
  .regex(/^[a-z0-9]{1,20}\/[a-z0-9]{1,20}(?:\/[a-z0-9]{1,20})?$/, "expected a platform such as linux/amd64");
const environmentSchema = z.record(
  // oxlint-disable-next-line no-control-regex
  z.string().regex(/^[^=\u0000]{1,256}$/, "expected a variable's name"),
  text(131_072),
);
const labelsSchema = z.record(
  z
    .string()
    .regex(/^(?!lash\.)[\w./:-]{1,256}$/, 'expected a label\'s name that does not begin with "lash."'),
  text(4096),
);
const userSchema = text(256);
const graceMs = whole(0, 3_600_000);
const moment = z.iso.datetime({ offset: true });

// Containers

export const portSchema = z.strictObject({
  containerPort: whole(1, 65_535),
  /** Left out: any that is free. */
  hostPort: whole(0, 65_535).optional(),
  hostIp: z.union([z.ipv4(), z.ipv6()]).optional(),
  protocol: z.enum(["tcp", "udp", "sctp"]).optional(),
});

export const createContainerSchema = z.strictObject({
  image: imageSchema,
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$/, "expected a name of letters, digits, '_' and '-'")
    .optional(),
  platform: platformSchema.optional(),
  command: words.min(1).optional(),
  entrypoint: words.min(1).optional(),
  env: environmentSchema.optional(),
  workingDir: text(4096).startsWith("/").optional(),
  user: userSchema.optional(),
  labels: labelsSchema.optional(),
  ports: z.array(portSchema).max(100).optional(),
  init: z.boolean().optional(),
  tty: z.boolean().optional(),
  readOnly: z.boolean().optional(),
  memoryBytes: whole(6 * 1024 * 1024, 2 ** 50).optional(),
  cpus: z.number().min(0.01).max(4096).optional(),
  pidsLimit: whole(1, 4_194_304).optional(),
  stopGraceMs: graceMs.optional(),
  ttlSeconds: whole(0, 315_360_000)
    .optional()
    .meta({ description: "Seconds without use after which it is removed; 0: never. Default a day" }),
  pull: z.enum(["missing", "always", "never"]).optional(),
  start: z.boolean().optional(),
});

export const containerSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  state: z.enum(["created", "running", "paused", "restarting", "removing", "exited", "dead"]),
  health: z.enum(["none", "starting", "healthy", "unhealthy"]),
  exitCode: z.int().optional(),
  oomKilled: z.boolean(),
  labels: z.record(z.string(), z.string()),
  ports: z.array(
    z.strictObject({
      containerPort: z.int(),
      hostPort: z.int(),
      hostIp: z.string(),
      protocol: z.enum(["tcp", "udp", "sctp"]),
    }),
  ),
  createdAt: z.string().optional(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
  lastUsedAt: moment,
  ttlSeconds: z.int(),
  expiresAt: moment.optional(),
  uses: z.int(),
  terminating: z.boolean(),
});

export const containerListSchema = z.strictObject({
  items: z.array(containerSchema),
  /** More fit the query than the limit let through. */
  more: z.boolean(),
  stale: z.boolean(),
  lastSuccessAt: moment.optional(),
});

export const containerQuerySchema = z.strictObject({
  stale: booleanQuery.optional().meta({
    override: { type: "boolean", description: "From the last known state, without the engine" },
  }),
  status: z.enum(["running", "stopped", "all"]).optional(),
  image: z.string().max(512).optional(),
  label: z.array(z.string().max(4400)).max(20).optional(),
  since: momentQuery.optional(),
  sortBy: z.enum(["createdAt", "startedAt", "lastUsedAt", "expiresAt"]).optional(),
  sortDir: z.enum(["asc", "desc"]).optional(),
  limit: integerQuery(1, 500).optional(),
});
export type ContainerQuery = z.output<typeof containerQuerySchema>;

export const logsQuerySchema = z.strictObject({
  follow: booleanQuery.optional(),
  tail: integerQuery(0, 100_000).optional(),
  since: momentQuery.optional(),
});

export const ensureImageSchema = z.strictObject({ image: imageSchema, platform: platformSchema.optional() });
export const ensuredImageSchema = z.strictObject({ image: z.string(), id: z.string(), pulled: z.boolean() });

export const stopSchema = z.strictObject({ graceMs: graceMs.optional() });
export const emptySchema = z.strictObject({});

export const execSchema = z.strictObject({
  command: words.min(1),
  env: environmentSchema.optional(),
  user: userSchema.optional(),
  workingDir: text(4096).startsWith("/").optional(),
  input: text(1024 * 1024).optional(),
  timeoutMs: whole(0, 86_400_000)
    .optional()
    .meta({ description: "The command, never the container, is ended then. 0, the default: no limit" }),
});
export const execResultSchema = z.strictObject({
  reason: z.enum(["completed", "timeout"]),
  exitCode: z.int().optional(),
  stdout: z.string(),
  stderr: z.string(),
  truncated: z.boolean(),
});

export const openTerminalSchema = z.strictObject({
  command: words.min(1).optional(),
  user: userSchema.optional(),
  columns: whole(1, 1000).optional(),
  rows: whole(1, 1000).optional(),
});
export const terminalSchema = z.strictObject({
  sessionId: z.string(),
  token: z.string(),
  /** Path and query for the WebSocket. */
  path: z.string(),
  columns: z.int(),
  rows: z.int(),
  expiresAt: moment,
});

/** What a terminal's client sends. */
export const terminalInputSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("input"), data: z.string().max(65_536) }),
  z.strictObject({ type: z.literal("end-input") }),
  z.strictObject({ type: z.literal("resize"), columns: whole(1, 1000), rows: whole(1, 1000) }),
  z.strictObject({ type: z.literal("ping") }),
  z.strictObject({ type: z.literal("close") }),
]);

/** What it is sent. */
export type TerminalOutput =
  | { readonly type: "status"; readonly status: "starting" | "running" }
  | { readonly type: "output"; readonly data: string }
  | { readonly type: "exited"; readonly exitCode: number | undefined }
  | { readonly type: "pong" }
  | { readonly type: "error"; readonly error: { readonly code: ApiCode; readonly message: string } };

// Stacks

export const stackSchema = z.strictObject({
  name: z.string(),
  manifest: z.string(),
  resources: z.int(),
  running: z.int(),
  managed: z.boolean(),
});
export const stackListSchema = z.strictObject({ items: z.array(stackSchema) });
export const resourceSchema = z.strictObject({
  name: z.string(),
  kind: z.string(),
  status: z.string(),
  detail: z.string(),
  containerId: z.string().optional(),
  containerName: z.string().optional(),
  image: z.string(),
  startedAt: z.string().optional(),
  exitCode: z.int().optional(),
  restarts: z.int(),
  ports: z.array(z.string()),
});
export const operationSchema = z.strictObject({
  action: z.enum(["up", "down"]),
  state: z.enum(["running", "done", "failed"]),
  startedAt: moment,
  endedAt: moment.optional(),
  error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
});
export const stackDetailsSchema = stackSchema.extend({
  items: z.array(resourceSchema),
  operation: operationSchema.optional(),
});
const resourceNames = z.array(resourceNameSchema).max(1000);
export const stackActionSchema = z.strictObject({
  resources: resourceNames.optional(),
  graceMs: graceMs.optional(),
});
export const stackUpSchema = z.strictObject({
  resources: resourceNames.optional(),
  build: z.boolean().optional(),
  pull: z.boolean().optional(),
});
export const stackDownSchema = z.strictObject({
  volumes: z.boolean().optional(),
  graceMs: graceMs.optional(),
});

// The server itself

export const dependencySchema = z.strictObject({
  status: z.enum(["unknown", "up", "down"]),
  optional: z.boolean(),
  baseUrl: z.string(),
  consecutiveFailures: z.int(),
  exhausted: z.boolean(),
  lastCheckedAt: moment.optional(),
  lastSuccessAt: moment.optional(),
  lastFailureAt: moment.optional(),
  lastDurationMs: z.number().optional(),
  nextRetryAt: moment.optional(),
  reason: z.string().optional(),
  lastError: z
    .strictObject({ code: z.string(), message: z.string(), statusCode: z.int().optional() })
    .optional(),
});
export const healthSchema = z.strictObject({
  status: z.literal("ok"),
  timestamp: moment,
  degraded: z.literal(true).optional(),
  dependencies: z.strictObject({
    dockerRunner: dependencySchema.optional(),
    engine: dependencySchema.optional(),
  }),
});
export const probeSchema = z.strictObject({
  status: z.enum(["ok", "starting", "not-ready", "shutting-down"]),
  timestamp: moment,
});

/** Schemas by the names that they have in the OpenAPI document. */
export const components: Readonly<Record<string, z.ZodType>> = {
  Error: errorSchema,
  Health: healthSchema,
  Probe: probeSchema,
  Dependency: dependencySchema,
  EnsureImage: ensureImageSchema,
  EnsuredImage: ensuredImageSchema,
  CreateContainer: createContainerSchema,
  Container: containerSchema,
  ContainerList: containerListSchema,
  Stop: stopSchema,
  Exec: execSchema,
  ExecResult: execResultSchema,
  OpenTerminal: openTerminalSchema,
  Terminal: terminalSchema,
  Stack: stackSchema,
  StackList: stackListSchema,
  StackDetails: stackDetailsSchema,
  Resource: resourceSchema,
  Operation: operationSchema,
  StackAction: stackActionSchema,
  StackUp: stackUpSchema,
  StackDown: stackDownSchema,
};
