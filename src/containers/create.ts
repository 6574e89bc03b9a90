import { randomBytes } from "node:crypto";
import type { Engine } from "../engine/engine.ts";
import type { ContainerSpec, PortMapping } from "../model/container-spec.ts";
import { isLashError, LashError } from "../model/errors.ts";
import { label, labelSchema } from "../model/labels.ts";
import { version } from "../model/version.ts";
import { containerLabel, defaultGraceMs, defaultTtlSeconds } from "./labels.ts";

/**
 * A container that somebody asks the server for. There is no way to ask for more than this: no mounts of the host, no
 * privileges, no namespaces of the host.
 */
export interface CreateRequest {
  readonly image: string;
  readonly name?: string | undefined;
  readonly platform?: string | undefined;
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly workingDir?: string | undefined;
  readonly user?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly ports?: readonly PortMapping[] | undefined;
  readonly init?: boolean | undefined;
  readonly tty?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
  readonly pidsLimit?: number | undefined;
  readonly stopGraceMs?: number | undefined;
  /** Seconds without use after which it is removed; 0: never. Default a day. */
  readonly ttlSeconds?: number | undefined;
  /** Default "missing". */
  readonly pull?: "missing" | "always" | "never" | undefined;
  /** Default true. */
  readonly start?: boolean | undefined;
}

/** The engine's specification of a requested container. */
export function specOf(request: CreateRequest, server: string): ContainerSpec {
  const { name, labels, ttlSeconds, stopGraceMs = defaultGraceMs } = request;
  return {
    name: name ?? `lash-${randomBytes(6).toString("hex")}`,
    image: request.image,
    platform: request.platform,
    command: request.command,
    entrypoint: request.entrypoint,
    env: request.env ?? {},
    workingDir: request.workingDir,
    user: request.user,
    ports: request.ports,
    init: request.init,
    tty: request.tty,
    readOnly: request.readOnly,
    memoryBytes: request.memoryBytes,
    cpus: request.cpus,
    pidsLimit: request.pidsLimit,
    stopGraceMs,
    labels: {
      ...labels,
      [label.schema]: labelSchema,
      [label.version]: version,
      [containerLabel.server]: server,
      [containerLabel.ttl]: String(ttlSeconds ?? defaultTtlSeconds),
      [containerLabel.stopGrace]: String(stopGraceMs),
    },
  };
}

/** What was found or pulled. */
export interface EnsuredImage {
  readonly id: string;
  readonly pulled: boolean;
}

/** Pulls an image that is not there; with a platform only one of that platform counts as there. */
export async function ensureImage(
  engine: Engine,
  image: string,
  options: {
    readonly signal: AbortSignal;
    readonly platform?: string | undefined;
    readonly pull?: "missing" | "always" | "never" | undefined;
  },
): Promise<EnsuredImage> {
  const { signal, platform, pull = "missing" } = options;
  const { images } = engine;
  if (images === undefined) {
    throw new LashError("engine-unsupported", `Cannot get image "${image}": the engine has no images`);
  }
  const found = await images.inspect(image, { signal });
  const fits = found !== undefined && (platform === undefined || found.platform.startsWith(platform));
  if (pull === "never" || (fits && pull === "missing")) {
    if (found !== undefined && fits) return { id: found.id, pulled: false };
    throw noImage(image, "it is not there, and is not to be pulled");
  }
  try {
    await images.pull(image, { signal, platform });
  } catch (error) {
    if (isLashError(error, "engine-not-found")) throw noImage(image, error.message, error);
    throw error;
  }
  const pulled = await images.inspect(image, { signal });
  if (pulled === undefined) throw noImage(image, "it was pulled and is not there");
  return { id: pulled.id, pulled: true };
}

function noImage(image: string, why: string, cause?: unknown): LashError {
  return new LashError("engine-not-found", `Cannot get image "${image}": ${why}`, {
    data: { what: "image", image },
    cause,
  });
}
