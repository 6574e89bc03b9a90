import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerFiles } from "./files.ts";

/** A line that a scripted container writes. */
export interface ScriptedLine {
  readonly text: string;
  /** Default "stdout". */
  readonly stream?: "stdout" | "stderr" | undefined;
  /** Time after the start; default 0. Lines are written in the order given, whatever their times. */
  readonly afterMs?: number | undefined;
}

/** What a scripted container sees of itself while it runs. */
export interface RunContext {
  readonly spec: ContainerSpec;
  /** 1 for the first start, also counting the engine's own restarts. */
  readonly run: number;
  /** Its files, by absolute path. Named volumes keep theirs. */
  readonly files: ContainerFiles;
}

/** A command run inside a scripted container. */
export interface ScriptedExec extends RunContext {
  readonly command: readonly string[];
  /** The container's variables and those of the call. */
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly workingDir: string | undefined;
  readonly ready: boolean;
  /** Empty when the call attached no input. */
  readonly input: AsyncIterable<Uint8Array>;
  readonly write: (data: string | Uint8Array, stream?: "stdout" | "stderr") => void;
  /** Aborts when the session is closed or the container ends. */
  readonly signal: AbortSignal;
}

/**
 * How a container of the memory engine behaves. Everything has a default: it starts at once, is ready at once, runs
 * until stopped, and ends at once on its stop signal with 143, the code of a process that SIGTERM ended.
 */
export interface ContainerScript {
  /** Time that `start` takes. */
  readonly startMs?: number | undefined;
  /** Time from the start until it is ready: health turns healthy, exec checks pass. `Infinity`: never. */
  readonly readyMs?: number | undefined;
  /** Time from the start until it is ready no more. */
  readonly unhealthyAfterMs?: number | undefined;
  /** Output of a failing health check. */
  readonly healthOutput?: string | undefined;
  /** Set (or `exitAfterMs`, or `oom`): it ends by itself, with this code, default 0. */
  readonly exitCode?: number | undefined;
  /** Time from the start until it ends by itself; default 0. */
  readonly exitAfterMs?: number | undefined;
  /** Ends by the kernel's hand: exit code 137, an `oom` event before `die`. */
  readonly oom?: boolean | undefined;
  /** `create` is refused with this text. */
  readonly failCreate?: string | undefined;
  /** `start` is refused with this text; facts carry it as `error`. */
  readonly failStart?: string | undefined;
  /** Exit code in the facts after a refused start; default 127, as for a missing command. */
  readonly failStartCode?: number | undefined;
  /** Output of each run. */
  readonly output?:
    | readonly (string | ScriptedLine)[]
    | ((context: RunContext) => readonly (string | ScriptedLine)[]);
  /** Only SIGKILL ends it. */
  readonly ignoreStop?: boolean | undefined;
  /** Time from the stop signal to the end. */
  readonly stopMs?: number | undefined;
  /** Exit code after the stop signal; default 128 + the signal's number. */
  readonly stopExitCode?: number | undefined;
  /** Resolves with the exit code. Default: 0 when ready, else 1. */
  readonly exec?: ((call: ScriptedExec) => number | Promise<number>) | undefined;
  /** Overrides by run: the first for the first start and so on; later starts use what stands above. */
  readonly runs?: readonly ContainerScript[] | undefined;
}

/** A script, or a function of the container that it is for. */
export type ScriptSource = ContainerScript | ((spec: ContainerSpec) => ContainerScript);

/** Scripts by container name or image; the name's settings win over the image's, one by one. */
export class ScriptBook {
  readonly #sources = new Map<string, ScriptSource>();

  set(nameOrImage: string, source: ScriptSource): void {
    this.#sources.set(nameOrImage, source);
  }

  /** The script in force for this container's `run`th start; 0 asks for what is common to all. */
  for(spec: ContainerSpec, run: number): ContainerScript {
    const script = { ...this.#of(spec.image, spec), ...this.#of(spec.name, spec) };
    return { ...script, ...script.runs?.[run - 1] };
  }

  #of(key: string, spec: ContainerSpec): ContainerScript {
    const source = this.#sources.get(key) ?? {};
    return typeof source === "function" ? source(spec) : source;
  }
}

/** Whether the script ends the container by itself. */
export function endsByItself(script: ContainerScript): boolean {
  return script.exitCode !== undefined || script.exitAfterMs !== undefined || script.oom === true;
}
