import * as z from "zod/mini";
import type { ContainerFacts, ExitFacts } from "../../engine/facts.ts";
import { LashError } from "../../model/errors.ts";

const identity = z.object({ pid: z.number(), start: z.string(), boot: z.string() });

const phase = z.discriminatedUnion("tag", [
  /** Never ran, or the last start was refused: `error` tells why. */
  z.object({ tag: z.literal("created"), error: z.string(), exitCode: z.optional(z.number()) }),
  /** Written before the spawn, so that a process is found again whose start was cut off. */
  z.object({ tag: z.literal("starting"), launcher: identity, startedAtMs: z.number() }),
  z.object({ tag: z.literal("running"), launcher: identity, process: identity, startedAtMs: z.number() }),
  z.object({
    tag: z.literal("ended"),
    process: identity,
    startedAtMs: z.number(),
    finishedAtMs: z.number(),
    /** Absent: unknown. */
    exitCode: z.optional(z.number()),
  }),
]);

const record = z.object({
  version: z.literal(1),
  id: z.string(),
  /** Grows with every write. */
  revision: z.number(),
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  command: z.array(z.string()).check(z.minLength(1)),
  env: z.record(z.string(), z.string()),
  workingDir: z.optional(z.string()),
  stopSignal: z.string(),
  createdAtMs: z.number(),
  /** How often it was started. */
  runs: z.number(),
  phase,
});

/** What is on disk about one process. */
export type ProcessRecord = Readonly<z.infer<typeof record>>;
export type Phase = ProcessRecord["phase"];

/** The record in a file's text. A newer version, or damage, is an error: the process may still run. */
export function parseRecord(text: string, path: string): ProcessRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new LashError("state-unreadable", `Cannot read process record "${path}": it is not JSON`, {
      cause,
    });
  }
  const parsed = record.safeParse(json);
  if (parsed.success) return parsed.data;
  const version = z.object({ version: z.number().check(z.gt(1)) }).safeParse(json);
  if (version.success) {
    throw new LashError("state-newer", `Cannot read process record "${path}": a newer Lash wrote it`, {
      data: { path, version: version.data.version },
    });
  }
  throw new LashError(
    "state-unreadable",
    `Cannot read process record "${path}": ${z.prettifyError(parsed.error)}`,
    {
      data: { path },
    },
  );
}

/** How a record's last run ended; all unknown while it runs. */
export function exitFacts({ phase: at }: ProcessRecord): ExitFacts {
  const exitCode = at.tag === "created" || at.tag === "ended" ? at.exitCode : undefined;
  return { exitCode, oomKilled: false, error: at.tag === "created" ? at.error : "" };
}

/** A record as the engine port tells it. */
export function toFacts(of: ProcessRecord): ContainerFacts {
  const at = of.phase;
  const states = { created: "created", starting: "created", running: "running", ended: "exited" } as const;
  return {
    ...exitFacts(of),
    id: of.id,
    name: of.name,
    labels: of.labels,
    image: "",
    imageId: "",
    state: states[at.tag],
    health: "none",
    healthOutput: "",
    restartCount: 0,
    createdAt: new Date(of.createdAtMs).toISOString(),
    startedAt:
      at.tag === "running" || at.tag === "ended" ? new Date(at.startedAtMs).toISOString() : undefined,
    finishedAt: at.tag === "ended" ? new Date(at.finishedAtMs).toISOString() : undefined,
    pid: at.tag === "running" ? at.process.pid : undefined,
    ports: [],
    addresses: {},
  };
}
