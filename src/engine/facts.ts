import type { PortMapping } from "../model/container-spec.ts";

/** State of a container as the engine tells it. */
export type ContainerState = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

export type HealthState = "none" | "starting" | "healthy" | "unhealthy";

/** How a container or process ended. */
export interface ExitFacts {
  /** Undefined when it cannot be known, for example an adopted process that is not our child. */
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  /** The engine's own words on a failed start; "" when it says nothing. */
  readonly error: string;
}

/** One look at a container or process. */
export interface ContainerFacts extends ExitFacts {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Reference it was created from. */
  readonly image: string;
  /** Content id of that image; "" where there is none. */
  readonly imageId: string;
  readonly state: ContainerState;
  readonly health: HealthState;
  /** Output of the last failed health check; "" if none. */
  readonly healthOutput: string;
  readonly restartCount: number;
  /** ISO 8601; undefined if it never started, never finished. */
  readonly createdAt: string | undefined;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** Process id on the engine's host while running. */
  readonly pid: number | undefined;
  /** Published ports with the host port really in use. Empty while not running. */
  readonly ports: readonly PortMapping[];
  /** Address by network name, while running. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** Something happened to a container of ours: look again. */
export interface EngineEvent {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The engine's word: create, start, die, oom, kill, stop, destroy, rename, "health_status: healthy", ... */
  readonly action: string;
  /** Milliseconds since the epoch, by the engine's clock. */
  readonly atMs: number;
  readonly exitCode: number | undefined;
}

/** One line of output, without its line end. */
export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 with the engine's precision. */
  readonly at: string;
  readonly text: string;
}

/** What runs the containers. */
export interface EngineInfo {
  /** "Docker Engine", "Podman Engine", "process", "memory". */
  readonly product: string;
  readonly version: string;
  /** Negotiated API version; "" where there is none. */
  readonly apiVersion: string;
  /** Stable identity of this engine: two sockets of one engine give the same. */
  readonly id: string;
  /** Where we talk to it, for people. */
  readonly endpoint: string;
  /** `os/arch`, for example "linux/amd64". */
  readonly platform: string;
  /** What it tells of where it runs; undefined where there is nothing to tell. */
  readonly host?: EngineHost | undefined;
}

/** The machine an engine runs on, as the engine tells it; "" and undefined for what it does not. */
export interface EngineHost {
  /** Its host name. */
  readonly name: string;
  /** Folder of images, layers and volumes, on that machine. */
  readonly dataFolder: string;
  readonly rootless: boolean;
  /** Where new networks get their addresses: subnets of `/size` out of each base. Undefined: the engine's defaults. */
  readonly addressPools: readonly { readonly base: string; readonly size: number }[] | undefined;
}

export interface ImageFacts {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly sizeBytes: number;
  /** TCP and UDP ports the image exposes, for example "8080/tcp". */
  readonly exposedPorts: readonly string[];
  readonly hasHealthcheck: boolean;
}

export interface NetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Ids of the containers connected now. */
  readonly containers: readonly string[];
  /** Its address ranges, for example "172.18.0.0/16"; empty or left out where it has none. */
  readonly subnets?: readonly string[] | undefined;
}

export interface VolumeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Progress of a pull or a build, as it comes. */
export interface ImageProgress {
  /** A line for people, for example "Downloading" or a build step. */
  readonly text: string;
  /** Layer id or build step; undefined for a message on the whole. */
  readonly part: string | undefined;
  readonly currentBytes: number | undefined;
  readonly totalBytes: number | undefined;
}
