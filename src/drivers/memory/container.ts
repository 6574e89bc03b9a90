import type { ContainerFacts, ContainerState, ExitFacts, HealthState, LogEntry } from "../../engine/facts.ts";
import type { ContainerSpec, PortMapping } from "../../model/container-spec.ts";
import { Channel } from "./channel.ts";
import type { ContainerFiles } from "./files.ts";

/** The time between a start and an end. */
export class Run {
  /** Which start of the container this is; the first is 1. */
  readonly number: number;
  readonly pid: number;
  readonly startedAtMs: number;
  /** Ends what is timed for this run: output, health, its own end. */
  readonly life = new AbortController();
  ready = false;

  constructor(number: number, pid: number, startedAtMs: number) {
    this.number = number;
    this.pid = pid;
    this.startedAtMs = startedAtMs;
  }
}

/** One container of the memory engine. Plain state: who changes it is runtime.ts. */
export class MemoryContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly imageId: string;
  readonly createdAtMs: number;
  readonly files: ContainerFiles;
  readonly output: LogEntry[] = [];
  /** Woken at every new line and every change of state. */
  readonly watchers = new Set<() => void>();
  name: string;
  state: ContainerState = "created";
  run: Run | undefined;
  runs = 0;
  restartCount = 0;
  health: HealthState = "none";
  healthOutput = "";
  ports: readonly PortMapping[] = [];
  exit: ExitFacts = { exitCode: undefined, oomKilled: false, error: "" };
  startedAtMs: number | undefined;
  finishedAtMs: number | undefined;
  /** Waits between two runs of the engine's own restart policy; aborting it gives up. */
  backoff: AbortController | undefined;
  /** Somebody asked for the end: the restart policy rests until the next start. */
  stopAsked = false;
  /** Absent once removed. */
  present = true;
  readonly execs = new Set<AbortController>();

  constructor(init: Pick<MemoryContainer, "id" | "spec" | "imageId" | "createdAtMs" | "files">) {
    this.id = init.id;
    this.spec = init.spec;
    this.name = init.spec.name;
    this.imageId = init.imageId;
    this.createdAtMs = init.createdAtMs;
    this.files = init.files;
  }

  get active(): boolean {
    return this.run !== undefined || this.backoff !== undefined;
  }

  /** Tells everyone who waits for this container to look again. */
  touch(): void {
    for (const wake of this.watchers) wake();
  }

  /** Resolves at the next touch; aborts with the signal's reason. */
  async changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    using wakeups = this.watch(signal);
    for await (const _ of wakeups.channel) return;
  }

  /** A value per touch, until the signal aborts. */
  watch(signal: AbortSignal): { readonly channel: Channel<undefined> } & Disposable {
    const channel = new Channel<undefined>();
    const wake = (): void => channel.push(undefined);
    const onAbort = (): void => channel.cut(signal.reason);
    this.watchers.add(wake);
    signal.addEventListener("abort", onAbort, { once: true });
    return {
      channel,
      [Symbol.dispose]: () => {
        this.watchers.delete(wake);
        signal.removeEventListener("abort", onAbort);
      },
    };
  }

  facts(): ContainerFacts {
    return {
      ...this.exit,
      id: this.id,
      name: this.name,
      labels: this.spec.labels,
      image: this.spec.image,
      imageId: this.imageId,
      state: this.state,
      health: this.health,
      healthOutput: this.healthOutput,
      restartCount: this.restartCount,
      createdAt: iso(this.createdAtMs),
      startedAt: iso(this.startedAtMs),
      finishedAt: iso(this.finishedAtMs),
      pid: this.run?.pid,
      ports: this.run === undefined ? [] : this.ports,
      addresses: this.run === undefined ? {} : addresses(this.spec, this.run.pid),
    };
  }
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

/** Addresses nobody answers on, one per container: distinct and of the right form. */
function addresses(spec: ContainerSpec, pid: number): Readonly<Record<string, string>> {
  const names = spec.networks?.map((network) => network.name) ?? ["bridge"];
  return Object.fromEntries(
    names.map((name, index) => [name, `10.${64 + index}.${(pid >> 8) & 255}.${pid & 255}`]),
  );
}
