import { createHash } from "node:crypto";
import { type Clock, systemClock } from "../../async/clock.ts";
import type {
  BuildAbility,
  CallOptions,
  Engine,
  ImageAbility,
  LabelFilter,
  LogOptions,
  NetworkAbility,
  SnapshotAbility,
  VolumeAbility,
} from "../../engine/engine.ts";
import type { EngineEvent, EngineInfo, LogEntry } from "../../engine/facts.ts";
import { LashError } from "../../model/errors.ts";
import { Containers, networksOf } from "./containers.ts";
import { EventBus } from "./event-bus.ts";
import { Gate, orderedFailure } from "./gate.ts";
import { buildAbility, type ImageInit, ImageStore, imageAbility } from "./images.ts";
import { Journal, type JournalEntry } from "./journal.ts";
import { NetworkStore, networkAbility } from "./networks.ts";
import { HostPorts } from "./ports.ts";
import { Runtime, type World } from "./runtime.ts";
import { ScriptBook, type ScriptSource } from "./script.ts";
import { VolumeStore, volumeAbility } from "./volumes.ts";

/** Settings of a memory engine; all have defaults. */
export interface MemoryEngineOptions {
  /** Time for everything timed; default: the system's. */
  readonly clock?: Clock | undefined;
  /** Scripts by container name or image, as with {@link MemoryEngine.script}. */
  readonly scripts?: Readonly<Record<string, ScriptSource>> | undefined;
  /** Images present from the start; default: every image is present until removed. */
  readonly images?: readonly string[] | undefined;
  /** What a pull finds; default: everything. */
  readonly pullable?: readonly string[] | undefined;
  /** Identity; default "memory". */
  readonly id?: string | undefined;
  /** Default "linux/amd64". */
  readonly platform?: string | undefined;
}

/** A method of the port as `failNext` and `delay` name it. */
export type EngineMethod =
  | Exclude<
      Extract<keyof Engine, string>,
      "driver" | "images" | "networks" | "volumes" | "builds" | "snapshots"
    >
  | `images.${keyof ImageAbility}`
  | `networks.${keyof NetworkAbility}`
  | `volumes.${keyof VolumeAbility}`
  | `builds.${keyof BuildAbility}`
  | `snapshots.${keyof SnapshotAbility}`;

/** The engine port in memory, with hands for tests: scripts, ordered failures, crashes, a cut connection, a journal. */
export interface MemoryEngine extends Engine {
  readonly images: ImageAbility;
  readonly networks: NetworkAbility;
  readonly volumes: VolumeAbility;
  readonly builds: BuildAbility;
  readonly snapshots: SnapshotAbility;

  /** Every call and every change so far, in order. */
  readonly log: readonly JournalEntry[];
  /** How containers of this name or image behave, from their next start on. */
  script(nameOrImage: string, script: ScriptSource): void;
  /** The next call (or the next n) of this method rejects, with this error or with `engine-refused`. */
  failNext(method: EngineMethod, failure?: Error | number): void;
  /** Every call of this method takes this much longer. */
  delay(method: EngineMethod, ms: number): void;
  /** Ends a running container as if it had died by itself; default code 1. */
  crash(container: string, exitCode?: number): void;
  /** As `crash`, by the kernel for lack of memory. */
  outOfMemory(container: string): void;
  /** A running container becomes unready (health: unhealthy), or ready again. */
  setReady(container: string, ready: boolean): void;
  /** Writes one line of a container's output. */
  print(container: string, text: string, stream?: "stdout" | "stderr"): void;
  /** Whether it runs and is ready: what a tcp or http probe would find. */
  isReady(container: string): boolean;
  /** Removes a container as somebody else would, past the journal of calls. */
  externalRemove(container: string): void;
  addImage(reference: string, init?: ImageInit): void;
  /** Something outside the engine listens on this port: publishing it is refused. */
  occupyPort(hostPort: number, hostIp?: string): void;
  vacatePort(hostPort: number): void;
  /** Everything rejects with `engine-unreachable` and every stream is cut; containers live on. */
  disconnect(): void;
  reconnect(): void;
}

/** An engine of its own, empty. Dispose it to end its timers. */
export function createMemoryEngine(options: MemoryEngineOptions = {}): MemoryEngine {
  const clock = options.clock ?? systemClock;
  const platform = options.platform ?? "linux/amd64";
  const life = new AbortController();
  const journal = new Journal(clock);
  const gate = new Gate(clock, journal);
  const events = new EventBus();
  const scripts = new ScriptBook();
  const images = new ImageStore({ present: options.images, pullable: options.pullable, platform });
  const networks = new NetworkStore();
  const volumes = new VolumeStore();
  const ports = new HostPorts();
  for (const [key, source] of Object.entries(options.scripts ?? {})) scripts.set(key, source);
  const world: World = {
    clock,
    journal,
    events,
    ports,
    scripts,
    missingNetwork(container) {
      const missing = networksOf(container.spec).find((name) => !networks.has(name));
      return missing === undefined ? undefined : `network ${missing} not found`;
    },
  };
  const runtime = new Runtime(world);
  const containers = new Containers({ world, runtime, images, volumes, life: life.signal });

  const info: EngineInfo = {
    product: "memory",
    version: "1",
    apiVersion: "",
    id: options.id ?? "memory",
    endpoint: "memory:",
    platform,
  };
  const call = (method: EngineMethod, target: string, { signal }: CallOptions) => ({
    method,
    target,
    signal,
  });

  async function* logs(container: string, logOptions: LogOptions): AsyncGenerator<LogEntry, void, undefined> {
    await gate.pass(call("logs", container, logOptions), () => undefined);
    using linked = gate.link(logOptions.signal);
    yield* containers.logs(container, { ...logOptions, signal: linked.signal });
  }

  async function* listen(
    filter: LabelFilter,
    eventOptions: Parameters<Engine["events"]>[1],
  ): AsyncGenerator<EngineEvent, void, undefined> {
    await gate.pass(call("events", "", eventOptions), () => undefined);
    using linked = gate.link(eventOptions.signal);
    using subscription = events.subscribe(filter, eventOptions.sinceMs, linked.signal);
    eventOptions.onOpen?.();
    yield* subscription;
  }

  return {
    driver: "memory",
    info: (given) => gate.pass(call("info", "", given), () => info),
    list: (filter, given) => gate.pass(call("list", "", given), () => containers.list(filter)),
    inspect: (name, given) => gate.pass(call("inspect", name, given), () => containers.find(name)?.facts()),
    create: (spec, given) => gate.pass(call("create", spec.name, given), () => containers.create(spec)),
    start: (name, given) => gate.pass(call("start", name, given), (signal) => containers.start(name, signal)),
    stop: (name, given) =>
      gate.pass(call("stop", name, given), (signal) => containers.stop(name, given.graceMs, signal)),
    kill: (name, given) =>
      gate.pass(call("kill", name, given), () => containers.kill(name, given.signalName)),
    remove: (name, given) => gate.pass(call("remove", name, given), () => containers.remove(name)),
    rename: (name, given) =>
      gate.pass(call("rename", name, given), () => containers.rename(name, given.name)),
    wait: (name, given) => gate.pass(call("wait", name, given), (signal) => containers.wait(name, signal)),
    exec: (name, given) => gate.pass(call("exec", name, given), () => containers.exec(name, given)),
    logs,
    events: listen,
    images: imageAbility(images, gate, {
      journal,
      usedBy: (imageId) => containers.userWhere((each) => each.imageId === imageId),
    }),
    networks: networkAbility(networks, gate, { journal, members: (name) => containers.members(name) }),
    volumes: volumeAbility(volumes, gate, {
      journal,
      usedBy: (name) =>
        containers.userWhere((each) => each.spec.mounts?.some((mount) => mount.source === name) === true),
    }),
    builds: buildAbility(images, gate, journal),
    snapshots: {
      commit: (name, given) =>
        gate.pass(call("snapshots.commit", name, given), () => {
          const found = containers.find(name);
          if (found === undefined) throw notFound("commit", name);
          const count = journal.entries.length;
          const id = `sha256:${createHash("sha256").update(`${found.id} ${count}`).digest("hex")}`;
          images.setFiles(id, found.files.layer());
          images.add(given.tag, { id, labels: given.labels });
          journal.write({
            type: "change",
            of: "image",
            target: given.tag,
            action: "commit",
            exitCode: undefined,
          });
          return { imageId: id };
        }),
    },

    log: journal.entries,
    script: (key, source) => scripts.set(key, source),
    failNext(method, failure = 1) {
      const errors =
        typeof failure === "number"
          ? Array.from({ length: failure }, () => orderedFailure(method))
          : [failure];
      gate.failNext(method, errors);
    },
    delay: (method, ms) => gate.delay(method, ms),
    crash(name, exitCode = 1) {
      const container = containers.find(name);
      if (container?.run === undefined) throw notFound("crash", name);
      runtime.end(container, container.run, exitCode);
    },
    outOfMemory(name) {
      const container = containers.find(name);
      if (container?.run === undefined) throw notFound("crash", name);
      runtime.end(container, container.run, 137, true);
    },
    setReady(name, ready) {
      const container = containers.find(name);
      if (container?.run === undefined) throw notFound("change", name);
      runtime.setReady(container, container.run, ready);
    },
    print(name, text, stream = "stdout") {
      const container = containers.find(name);
      if (container === undefined) throw notFound("print in", name);
      runtime.print(container, text, stream);
    },
    isReady: (name) => containers.find(name)?.run?.ready === true,
    externalRemove: (name) => containers.remove(name),
    addImage(reference, init = {}) {
      images.add(reference, init);
    },
    occupyPort: (hostPort, hostIp = "") => ports.occupy(hostPort, hostIp),
    vacatePort: (hostPort) => ports.vacate(hostPort),
    disconnect: () =>
      gate.disconnect(
        new LashError("engine-unreachable", "Cannot reach the memory engine: it was disconnected", {
          data: { endpoint: info.endpoint },
        }),
      ),
    reconnect: () => gate.reconnect(),
    async [Symbol.asyncDispose]() {
      life.abort(new LashError("cancelled", "Cannot go on: the memory engine was closed"));
      for (const each of containers.all()) runtime.dispose(each);
      gate.disconnect(new LashError("engine-unreachable", "Cannot reach the memory engine: it was closed"));
    },
  };
}

function notFound(doing: string, name: string): LashError {
  return new LashError("engine-not-found", `Cannot ${doing} container "${name}": no such running container`, {
    data: { status: 404 },
  });
}
