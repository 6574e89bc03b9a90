import { z } from "zod";
import type {
  ContainerFacts,
  EngineEvent,
  EngineInfo,
  ExitFacts,
  ImageFacts,
  ImageProgress,
  NetworkFacts,
  VolumeFacts,
} from "../../engine/facts.ts";

// What a service answers with. Not strict: a newer one may say more. What is undefined is not in JSON at all.

const words = z.record(z.string(), z.string());
const port = filled(
  z.object({
    hostIp: z.string(),
    hostPort: z.number().optional(),
    containerPort: z.number(),
    protocol: z.enum(["tcp", "udp", "sctp"]),
  }),
  ["hostPort"],
);
const exit = z.object({ exitCode: z.number().optional(), oomKilled: z.boolean(), error: z.string() });
const container = z.object({
  ...exit.shape,
  id: z.string(),
  name: z.string(),
  labels: words,
  image: z.string(),
  imageId: z.string(),
  state: z.enum(["created", "running", "paused", "restarting", "removing", "exited", "dead"]),
  health: z.enum(["none", "starting", "healthy", "unhealthy"]),
  healthOutput: z.string(),
  restartCount: z.number(),
  createdAt: z.string().optional(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
  pid: z.number().optional(),
  ports: z.array(port),
  addresses: words,
});
const network = z.object({
  id: z.string(),
  name: z.string(),
  labels: words,
  containers: z.array(z.string()),
  subnets: z.array(z.string()).optional(),
});
const volume = z.object({ name: z.string(), labels: words });
const host = filled(
  z.object({
    name: z.string(),
    dataFolder: z.string(),
    rootless: z.boolean(),
    addressPools: z.array(z.object({ base: z.string(), size: z.number() })).optional(),
  }),
  ["addressPools"],
);
const info = z.object({
  product: z.string(),
  version: z.string(),
  apiVersion: z.string(),
  id: z.string(),
  endpoint: z.string(),
  platform: z.string(),
  host: host.optional(),
});
const image = z.object({
  id: z.string(),
  tags: z.array(z.string()),
  digests: z.array(z.string()),
  labels: words,
  platform: z.string(),
  sizeBytes: z.number(),
  exposedPorts: z.array(z.string()),
  hasHealthcheck: z.boolean(),
});
const event = z.object({
  id: z.string(),
  name: z.string(),
  labels: words,
  action: z.string(),
  atMs: z.number(),
  exitCode: z.number().optional(),
});
const progress = z.object({
  text: z.string(),
  part: z.string().optional(),
  currentBytes: z.number().optional(),
  totalBytes: z.number().optional(),
});

const ready = z.object({
  status: z.literal("ready"),
  instance: z.string(),
  version: z.string(),
  nowMs: z.number(),
  owner: z.string(),
  engine: info,
});

/** What `/v1/ready` tells who signs. */
export interface Readiness {
  readonly status: "ready";
  /** Differs after each start of the service. */
  readonly instance: string;
  readonly version: string;
  /** The service's clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** Who the key belongs to. */
  readonly owner: string;
  readonly engine: EngineInfo;
}

/** Turns what came into facts, or throws. */
export interface Wire<Facts> {
  parse(value: unknown): Facts;
}

export const answer: {
  readonly ready: Wire<Readiness>;
  readonly info: Wire<EngineInfo>;
  readonly container: Wire<ContainerFacts>;
  readonly containers: Wire<readonly ContainerFacts[]>;
  readonly exit: Wire<ExitFacts>;
  readonly event: Wire<EngineEvent>;
  readonly image: Wire<ImageFacts>;
  readonly progress: Wire<ImageProgress>;
  readonly network: Wire<NetworkFacts>;
  readonly networks: Wire<readonly NetworkFacts[]>;
  readonly volume: Wire<VolumeFacts>;
  readonly volumes: Wire<readonly VolumeFacts[]>;
  readonly id: Wire<{ readonly id: string }>;
  readonly imageId: Wire<{ readonly imageId: string }>;
  readonly execId: Wire<{ readonly execId: string }>;
} = {
  ready,
  info,
  container: filled(container, ["exitCode", "createdAt", "startedAt", "finishedAt", "pid"]),
  containers: z.array(filled(container, ["exitCode", "createdAt", "startedAt", "finishedAt", "pid"])),
  exit: filled(exit, ["exitCode"]),
  event: filled(event, ["exitCode"]),
  image,
  progress: filled(progress, ["part", "currentBytes", "totalBytes"]),
  network,
  networks: z.array(network),
  volume,
  volumes: z.array(volume),
  id: z.object({ id: z.string() }),
  imageId: z.object({ imageId: z.string() }),
  execId: z.object({ execId: z.string() }),
};

/** Puts keys back that a value of undefined took out of the JSON: the facts have them. */
function filled<Value extends object, Key extends keyof Value & string>(
  schema: z.ZodType<Value>,
  keys: readonly Key[],
): z.ZodType<Value & { readonly [K in Key]: Value[K] | undefined }> {
  return schema.transform((value) => {
    const whole = { ...value } as Value & { [K in Key]: Value[K] | undefined };
    for (const key of keys) if (!(key in whole)) Object.assign(whole, { [key]: undefined });
    return whole;
  });
}
