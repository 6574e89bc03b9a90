import { z } from "zod";
import type { ContainerSpec } from "../../model/container-spec.ts";

/** Bounds of texts: far above what is used, far below what would hurt. */
const text = z.string().max(1024 * 1024);
const name = z.string().max(4096);
const texts = z.array(text).max(10_000);
const words = z.record(name, text);
const milliseconds = z
  .int()
  .min(0)
  .max(365 * 24 * 3_600_000);

/**
 * Names and ids of containers, networks and volumes, as the engines have them. What else stands in a path never
 * reaches the engine.
 */
export const engineNameSchema = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/, "expected a name or an id");

/** An image reference or id. Its grammar is the engine's; what would lead to another path is not of it. */
export const imageSchema = z
  .string()
  .regex(/^(?!.*\.\.)[a-zA-Z0-9[][\w.:/@+[\]-]{0,511}$/, "expected an image reference");

const port = z
  .strictObject({
    hostIp: name,
    hostPort: z.int().min(0).max(65_535).optional(),
    containerPort: z.int().min(1).max(65_535),
    protocol: z.enum(["tcp", "udp", "sctp"]),
  })
  .transform((given) => ({ ...given, hostPort: given.hostPort }));
const mount = z.strictObject({
  type: z.enum(["bind", "volume", "tmpfs"]),
  source: name,
  target: name,
  readOnly: z.boolean(),
  options: name.optional(),
});
const healthcheck = z.strictObject({
  test: texts,
  intervalMs: milliseconds,
  timeoutMs: milliseconds,
  retries: z.int().min(0),
  startPeriodMs: milliseconds,
});
const ulimit = z.strictObject({ name, soft: z.int().min(-1), hard: z.int().min(-1) });

/** A container's specification: exactly the parts of the engine port's, so nothing raw passes. */
const containerSpecSchema = z.strictObject({
  name: engineNameSchema,
  labels: words,
  image: imageSchema,
  platform: name.optional(),
  entrypoint: texts.optional(),
  command: texts.optional(),
  env: words,
  workingDir: name.optional(),
  user: name.optional(),
  hostname: name.optional(),
  init: z.boolean().optional(),
  tty: z.boolean().optional(),
  openStdin: z.boolean().optional(),
  ports: z.array(port).max(10_000).optional(),
  mounts: z.array(mount).max(1000).optional(),
  networks: z
    .array(z.strictObject({ name, aliases: texts }))
    .max(1000)
    .optional(),
  extraHosts: texts.optional(),
  dns: texts.optional(),
  shmSizeBytes: z.int().min(0).optional(),
  ulimits: z.array(ulimit).max(100).optional(),
  sysctls: words.optional(),
  capAdd: texts.optional(),
  capDrop: texts.optional(),
  securityOpt: texts.optional(),
  privileged: z.boolean().optional(),
  devices: texts.optional(),
  readOnly: z.boolean().optional(),
  memoryBytes: z.int().min(0).optional(),
  cpus: z.number().min(0).optional(),
  pidsLimit: z.int().min(-1).optional(),
  logging: z.strictObject({ driver: name, options: words }).optional(),
  stopSignal: name.optional(),
  stopGraceMs: milliseconds.optional(),
  healthcheck: healthcheck.optional(),
  restart: z
    .strictObject({
      name: z.enum(["no", "on-failure", "always", "unless-stopped"]),
      maximumRetryCount: z.int().min(0).optional(),
    })
    .optional(),
}) satisfies { parse(value: unknown): ContainerSpec };

/** Names one call whatever the number of attempts: a second attempt finds what the first has made. */
const requestId = z.string().regex(/^[\w-]{8,64}$/, "expected an id of 8 to 64 letters, digits, '-' and '_'");

/** Bodies, by what they ask for. */
export const body = {
  create: z.strictObject({ spec: containerSpecSchema, request: requestId }),
  stop: z.strictObject({ graceMs: milliseconds }),
  kill: z.strictObject({ signalName: z.string().regex(/^SIG[A-Z0-9+-]{2,12}$/, "expected a signal's name") }),
  rename: z.strictObject({ name: engineNameSchema }),
  exec: z.strictObject({
    command: texts.min(1),
    env: words.optional(),
    user: name.optional(),
    workingDir: name.optional(),
    tty: z.boolean().optional(),
    stdin: z.boolean().optional(),
    /** The command and what it started are ended then. 0 and left out: never. */
    timeoutMs: milliseconds.optional(),
    /** The same, after so long without a byte in either direction. */
    idleTimeoutMs: milliseconds.optional(),
  }),
  commit: z.strictObject({ tag: imageSchema, labels: words }),
  pull: z.strictObject({ reference: imageSchema, platform: name.optional() }),
  network: z.strictObject({ name: engineNameSchema, labels: words }),
  volume: z.strictObject({ name: engineNameSchema, labels: words }),
  build: z.strictObject({
    /** Path in the context. */
    dockerfile: z.string().min(1).max(4096),
    target: name.optional(),
    platform: name.optional(),
    buildArgs: words,
    tag: imageSchema,
    labels: words,
  }),
} as const;

export type CreateBody = z.infer<typeof body.create>;
export type ExecBody = z.infer<typeof body.exec>;
export type BuildHead = z.infer<typeof body.build>;
