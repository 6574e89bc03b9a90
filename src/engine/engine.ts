import type { ContainerSpec } from "../model/container-spec.ts";
import type {
  ContainerFacts,
  EngineEvent,
  EngineInfo,
  ExitFacts,
  ImageFacts,
  ImageProgress,
  LogEntry,
  NetworkFacts,
  VolumeFacts,
} from "./facts.ts";

/**
 * Options of every call. The signal is required: nothing waits that cannot be cancelled. On abort the call rejects
 * with the signal's reason and leaves nothing open; what the engine had already begun may still complete.
 */
export interface CallOptions {
  readonly signal: AbortSignal;
}

/** Labels a thing must carry, all of them; an empty value asks for the key alone. */
export type LabelFilter = Readonly<Record<string, string>>;

/** An interactive or captured command inside a running container. Ends when closed or when the command does. */
export interface ExecSession extends AsyncDisposable {
  /** Output as it comes; with a tty everything is "stdout". Read to the end or dispose. */
  readonly output: AsyncIterable<{ readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }>;
  /** Resolves when the bytes were handed to the engine; backpressure is honoured. */
  write(data: Uint8Array): Promise<void>;
  /** Ends the command's standard input, nothing else. */
  endInput(): Promise<void>;
  /** Only with a tty. */
  resize(columns: number, rows: number): Promise<void>;
  /** The command's exit code, once its output has ended. */
  readonly exitCode: Promise<number>;
}

export interface ExecOptions extends CallOptions {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly user?: string | undefined;
  readonly workingDir?: string | undefined;
  readonly tty?: boolean | undefined;
  /** Attach standard input; without it `write` rejects. */
  readonly stdin?: boolean | undefined;
}

export interface LogOptions extends CallOptions {
  /** Keep waiting for more until the container ends or the signal aborts. */
  readonly follow: boolean;
  /** Only the last n lines; undefined: all. */
  readonly tail?: number | undefined;
  /** RFC 3339; only entries after this moment. */
  readonly since?: string | undefined;
}

export interface StopOptions extends CallOptions {
  /** Time between the stop signal and the kill. */
  readonly graceMs: number;
}

/** Images: an ability. */
export interface ImageAbility {
  /** Undefined when not present locally. */
  inspect(reference: string, options: CallOptions): Promise<ImageFacts | undefined>;
  /** Rejects with the engine's innermost text as message and `data.status`. Credentials come from the configuration. */
  pull(
    reference: string,
    options: CallOptions & {
      readonly platform?: string | undefined;
      readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
    },
  ): Promise<void>;
  /** Absent is success. A used image is refused with `engine-conflict`. */
  remove(reference: string, options: CallOptions): Promise<void>;
}

/** Networks: an ability. */
export interface NetworkAbility {
  list(filter: LabelFilter, options: CallOptions): Promise<readonly NetworkFacts[]>;
  inspect(name: string, options: CallOptions): Promise<NetworkFacts | undefined>;
  /** `engine-conflict` when the name exists. */
  create(
    network: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
    options: CallOptions,
  ): Promise<{ readonly id: string }>;
  /** Absent is success; in use is `engine-conflict`. */
  remove(name: string, options: CallOptions): Promise<void>;
}

/** Volumes: an ability. */
export interface VolumeAbility {
  list(filter: LabelFilter, options: CallOptions): Promise<readonly VolumeFacts[]>;
  inspect(name: string, options: CallOptions): Promise<VolumeFacts | undefined>;
  /** Idempotent: an existing volume of that name is left as it is. */
  create(
    volume: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
    options: CallOptions,
  ): Promise<void>;
  /** Absent is success; in use is `engine-conflict`. */
  remove(name: string, options: CallOptions): Promise<void>;
}

export interface BuildOptions extends CallOptions {
  /** Absolute folder. */
  readonly context: string;
  /** Path inside the context, or absolute. */
  readonly dockerfile: string;
  readonly target?: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly platform?: string | undefined;
  readonly tag: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
}

/** Building images: an ability. */
export interface BuildAbility {
  /** Resolves with the image's id. A failed build rejects with the last lines of its output in `data.output`. */
  build(options: BuildOptions): Promise<{ readonly imageId: string }>;
}

/** Making an image of a container: an ability. */
export interface SnapshotAbility {
  commit(
    container: string,
    options: CallOptions & {
      readonly tag: string;
      readonly labels: Readonly<Record<string, string>>;
    },
  ): Promise<{ readonly imageId: string }>;
}

/**
 * The engine port: what Lash asks of whatever runs containers. A driver reports facts and does one thing per call: no
 * retries, no policy, no waiting beyond that call. Errors are LashErrors of the `engine-*` codes, translated at the
 * border: `engine-not-found` (no such container), `engine-conflict` (name taken, wrong state), `engine-unreachable`,
 * `engine-refused` with `data.status` and the engine's innermost text in the message.
 *
 * Absent abilities are undefined, never methods that throw.
 */
export interface Engine extends AsyncDisposable {
  /** Driver name: "docker", "podman", "process", "memory". */
  readonly driver: string;

  info(options: CallOptions): Promise<EngineInfo>;

  /** Containers in every state that carry all these labels, each fully inspected. Gone in between: left out. */
  list(filter: LabelFilter, options: CallOptions): Promise<readonly ContainerFacts[]>;
  /** By id or name; undefined when there is none. */
  inspect(container: string, options: CallOptions): Promise<ContainerFacts | undefined>;
  /** Rejects with `engine-conflict` when the name is taken, `engine-not-found` when the image is missing. */
  create(spec: ContainerSpec, options: CallOptions): Promise<{ readonly id: string }>;
  /** Starting a running container is success. A refusal carries the engine's text. */
  start(container: string, options: CallOptions): Promise<void>;
  /** Stop signal, grace, kill. Stopped or absent is success. Resolves when it no longer runs. */
  stop(container: string, options: StopOptions): Promise<void>;
  /** Sends one signal, "SIGKILL" for example. Not running or absent is success. */
  kill(container: string, options: CallOptions & { readonly signalName: string }): Promise<void>;
  /** Kills it if it runs; also removes its anonymous volumes, never named ones. Absent is success. */
  remove(container: string, options: CallOptions): Promise<void>;
  rename(container: string, options: CallOptions & { readonly name: string }): Promise<void>;
  /** Resolves when it is not running (at once if it already ended). */
  wait(container: string, options: CallOptions): Promise<ExitFacts>;
  /** Output so far, then, if asked, what follows. Ends when the container does. */
  logs(container: string, options: LogOptions): AsyncIterable<LogEntry>;
  exec(container: string, options: ExecOptions): Promise<ExecSession>;
  /**
   * Events of containers with these labels, from now on or since a moment (ms since the epoch). Iteration ends only by
   * abort or with `engine-unreachable` when the stream is cut: list again after that. `onOpen` is called once the
   * engine is listening, so that what is listed afterwards misses nothing.
   */
  events(
    filter: LabelFilter,
    options: CallOptions & {
      readonly sinceMs?: number | undefined;
      readonly onOpen?: (() => void) | undefined;
    },
  ): AsyncIterable<EngineEvent>;

  readonly images?: ImageAbility | undefined;
  readonly networks?: NetworkAbility | undefined;
  readonly volumes?: VolumeAbility | undefined;
  readonly builds?: BuildAbility | undefined;
  readonly snapshots?: SnapshotAbility | undefined;
}
