import { z } from "zod";

// What `--json` prints is a contract: a field may be added, none goes or changes its meaning without a new major
// release. Not imported by any command, so that none pays for loading zod.

const time = z.iso.datetime({ offset: true });

const hostPortSchema = z.object({
  address: z.string(),
  number: z.int(),
  protocol: z.enum(["tcp", "udp", "sctp"]),
});

/** Who has a host port. */
const portHolderSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("container"),
    container: z.string(),
    project: z.string().optional(),
    file: z.string().optional(),
    by: z.enum(["compose", "lash"]).optional(),
    ours: z.boolean(),
  }),
  z.object({
    type: z.literal("process"),
    pid: z.int().optional(),
    name: z.string().optional(),
    address: z.string(),
  }),
  z.object({ type: z.literal("other-engine"), pid: z.int(), name: z.string() }),
  z.object({ type: z.literal("reserved"), range: z.string() }),
  z.object({ type: z.literal("unknown"), because: z.string() }),
]);

const adviceSchema = z.object({ text: z.string(), command: z.string().optional() });

/** What happened to a resource. */
export const failureSchema = z.object({
  code: z.string(),
  subject: z.string(),
  message: z.string(),
  evidence: z.string(),
  exitCode: z.int().optional(),
  logTail: z.array(z.string()).optional(),
  details: z
    .object({
      port: hostPortSchema.optional(),
      image: z.string().optional(),
      retryAfterMs: z.number().optional(),
      passing: z.boolean().optional(),
      path: z.string().optional(),
      name: z.string().optional(),
    })
    .optional(),
  holder: portHolderSchema.optional(),
  advice: z.array(adviceSchema).optional(),
  get cause() {
    return failureSchema.optional();
  },
});

const repairSchema = z.object({ name: z.string(), what: z.string(), safe: z.string() });

/** What was detected, what was done about it and how it ended. */
export const recoveryReportSchema = z.object({
  operation: z.string(),
  detected: failureSchema,
  repair: repairSchema.extend({ outcome: z.enum(["done", "failed"]) }).optional(),
  because: z.string().optional(),
  retry: z.object({ outcome: z.enum(["worked", "failed"]), tookMs: z.number() }).optional(),
  outcome: z.enum(["recovered", "gave-up"]),
  failure: failureSchema.optional(),
});

const place = { seq: z.int().min(1), at: time, project: z.string() };
const named = { ...place, name: z.string() };

/** One event of a stack, as `up`, `events` and the supervisor's log print it. */
export const eventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("resource_pulling"), ...named, image: z.string() }),
  z.object({ type: z.literal("resource_building"), ...named, context: z.string() }),
  z.object({
    type: z.literal("resource_progress"),
    ...named,
    text: z.string(),
    part: z.string().optional(),
    currentBytes: z.number().optional(),
    totalBytes: z.number().optional(),
  }),
  z.object({ type: z.literal("resource_waiting"), ...named, on: z.array(z.string()) }),
  z.object({ type: z.literal("resource_starting"), ...named }),
  z.object({ type: z.literal("resource_started"), ...named, container_id: z.string(), adopted: z.boolean() }),
  z.object({
    type: z.literal("resource_ready"),
    ...named,
    container_id: z.string(),
    url: z.string().optional(),
  }),
  z.object({ type: z.literal("resource_unhealthy"), ...named, output: z.string() }),
  z.object({ type: z.literal("resource_completed"), ...named }),
  z.object({ type: z.literal("resource_failed"), ...named, error: z.string(), failure: failureSchema }),
  z.object({
    type: z.literal("resource_exited"),
    ...named,
    exit_code: z.int().optional(),
    oom_killed: z.boolean(),
    log_tail: z.array(z.string()),
  }),
  z.object({ type: z.literal("resource_restarting"), ...named, attempt: z.int(), delay_ms: z.number() }),
  z.object({ type: z.literal("resource_stopping"), ...named }),
  z.object({ type: z.literal("resource_stopped"), ...named }),
  z.object({ type: z.literal("failure_detected"), ...named, failure: failureSchema }),
  z.object({ type: z.literal("repair_started"), ...named, repair: repairSchema }),
  z.object({ type: z.literal("repair_applied"), ...named, repair: repairSchema }),
  z.object({ type: z.literal("recovered"), ...named, report: recoveryReportSchema }),
  z.object({ type: z.literal("recovery_ended"), ...named, report: recoveryReportSchema }),
  z.object({ type: z.literal("engine_lost"), ...place, error: z.string() }),
  z.object({ type: z.literal("engine_back"), ...place, after_ms: z.number() }),
  z.object({ type: z.literal("notice"), ...place, message: z.string(), hint: z.string().optional() }),
  z.object({
    type: z.literal("stack_started"),
    ...place,
    ready: z.int(),
    total: z.int(),
    took_ms: z.number(),
  }),
  z.object({ type: z.literal("stack_stopping"), ...place, reason: z.string() }),
  z.object({ type: z.literal("stack_stopped"), ...place }),
  z.object({ type: z.literal("events_missed"), ...place, count: z.int() }),
]);

/** Last line of `up -d --json`. */
export const supervisorStartedSchema = z.object({
  type: z.literal("supervisor_started"),
  pid: z.int(),
  log: z.string(),
});

export const planSchema = z.object({
  project: z.string(),
  steps: z.array(
    z.object({
      id: z.int().min(1),
      action: z.string(),
      target: z.string(),
      resource: z.string().optional(),
      because: z.string(),
      needs: z.array(z.int()),
      waits: z.array(z.string()),
    }),
  ),
});

export const downSchema = z.object({
  removed: z.array(z.string()),
  networks: z.array(z.string()),
  volumes: z.array(z.string()),
  kept: z.array(z.string()),
});

export const psSchema = z.array(
  z.object({
    name: z.string(),
    kind: z.string(),
    status: z.enum([
      "pending",
      "pulling",
      "building",
      "waiting",
      "starting",
      "running",
      "ready",
      "unhealthy",
      "restarting",
      "stopping",
      "completed",
      "stopped",
      "failed",
    ]),
    detail: z.string(),
    id: z.string().optional(),
    image: z.string(),
    startedAt: time.optional(),
    exitCode: z.int().optional(),
    restarts: z.int(),
    ports: z.array(z.string()),
    url: z.string().optional(),
    orphan: z.boolean(),
  }),
);

export const logLineSchema = z.object({
  resource: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  at: z.string(),
  text: z.string(),
});

/** `start`, `stop` and `restart`. */
export const doneSchema = z.object({
  done: z.enum(["start", "stop", "restart"]),
  resources: z.array(z.string()),
});

export const portSchema = z.array(z.object({ inside: z.string(), address: z.string() }));

export const validateSchema = z.object({
  valid: z.literal(true),
  manifest: z.string(),
  format: z.enum(["lash", "lightshuttle"]),
  project: z.string(),
  resources: z.array(z.string()),
});

/** The manifest resolved; its fields are the manifest's own. */
export const configSchema = z.record(z.string(), z.json());

export const graphSchema = z.object({
  project: z.string(),
  resources: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      dependsOn: z.array(
        z.object({
          name: z.string(),
          condition: z.enum(["started", "ready", "completed"]),
          implicit: z.boolean(),
        }),
      ),
    }),
  ),
});

export const secretsCheckSchema = z.object({
  project: z.string(),
  variables: z.array(
    z.object({
      name: z.string(),
      scheme: z.enum(["env", "secret"]),
      source: z.enum(["env-file", "environment", "secrets-file", "default", "missing"]),
      path: z.string(),
    }),
  ),
  missing: z.array(z.string()),
});

export const doctorSchema = z.object({
  project: z.string().optional(),
  manifest: z.string().optional(),
  verdict: z.enum(["ready", "trouble", "no-engine"]),
  checks: z.array(
    z.object({
      name: z.string(),
      outcome: z.enum(["ok", "problem", "note", "skipped"]),
      said: z.string(),
      problems: z.array(failureSchema),
    }),
  ),
});

const failurePageSchema = z.object({
  code: z.string(),
  title: z.string(),
  means: z.string(),
  recognised: z.string(),
  does: z.string(),
  never: z.string(),
  youCan: z.string(),
});

export const explainSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("code"), page: failurePageSchema }),
  z.object({ type: z.literal("text"), failure: failureSchema, page: failurePageSchema }),
  /** Codes that may have been meant. */
  z.object({ type: z.literal("unknown"), nearest: z.array(z.string()) }),
]);

/** What any command prints when it fails; the last line where it prints lines. */
export const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    hint: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
  }),
});
