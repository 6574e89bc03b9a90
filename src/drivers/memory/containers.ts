import { createHash } from "node:crypto";
import { abortable } from "../../async/signals.ts";
import type { ExecOptions, ExecSession, LabelFilter, LogOptions } from "../../engine/engine.ts";
import type { ContainerFacts, ExitFacts, LogEntry } from "../../engine/facts.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { LashError } from "../../model/errors.ts";
import { MemoryContainer } from "./container.ts";
import { carries } from "./event-bus.ts";
import { openExec } from "./exec.ts";
import { ContainerFiles } from "./files.ts";
import type { ImageStore } from "./images.ts";
import type { Runtime, World } from "./runtime.ts";
import type { VolumeStore } from "./volumes.ts";

/** What containers need around them. */
export interface Surroundings {
  readonly world: World;
  readonly runtime: Runtime;
  readonly images: ImageStore;
  readonly volumes: VolumeStore;
  /** Aborts when the engine is closed. */
  readonly life: AbortSignal;
}

/**
 * The containers of a memory engine and what can be done with them. What was begun goes on when the caller leaves, as
 * in a daemon.
 */
export class Containers {
  readonly #around: Surroundings;
  readonly #byId = new Map<string, MemoryContainer>();
  readonly #byName = new Map<string, MemoryContainer>();
  #created = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  all(): Iterable<MemoryContainer> {
    return this.#byId.values();
  }

  find(nameOrId: string): MemoryContainer | undefined {
    return this.#byId.get(nameOrId) ?? this.#byName.get(nameOrId);
  }

  list(filter: LabelFilter): readonly ContainerFacts[] {
    const found: ContainerFacts[] = [];
    for (const each of this.#byId.values()) if (carries(each.spec.labels, filter)) found.push(each.facts());
    return found;
  }

  create(spec: ContainerSpec): { readonly id: string } {
    const { world, images, runtime } = this.#around;
    const script = world.scripts.for(spec, 0);
    if (script.failCreate !== undefined) {
      throw new LashError("engine-refused", `Cannot create container "${spec.name}": ${script.failCreate}`, {
        data: { status: 400 },
      });
    }
    this.#refuseTaken(spec.name, `Cannot create container "${spec.name}"`);
    const image = images.find(spec.image);
    if (image === undefined) {
      throw new LashError(
        "engine-not-found",
        `Cannot create container "${spec.name}": No such image: ${spec.image}`,
        {
          data: { status: 404 },
        },
      );
    }
    this.#created += 1;
    const container = new MemoryContainer({
      id: createHash("sha256").update(`container ${this.#created}`).digest("hex"),
      spec,
      imageId: image.id,
      createdAtMs: world.clock.now(),
      files: new ContainerFiles(images.filesOf(image.id), this.#mount(spec)),
    });
    this.#byId.set(container.id, container);
    this.#byName.set(container.name, container);
    runtime.emit(container, "create");
    return { id: container.id };
  }

  async start(nameOrId: string, signal: AbortSignal): Promise<void> {
    const container = this.#require(nameOrId, "start");
    await abortable(this.#around.runtime.start(container, this.#around.life), signal);
  }

  async stop(nameOrId: string, graceMs: number, signal: AbortSignal): Promise<void> {
    const container = this.find(nameOrId);
    if (container !== undefined) {
      await abortable(this.#around.runtime.stop(container, graceMs, this.#around.life), signal);
    }
  }

  kill(nameOrId: string, signalName: string): void {
    const container = this.find(nameOrId);
    if (container?.run === undefined) return;
    if (signalName === "SIGKILL") container.stopAsked = true;
    this.#around.runtime.signal(container, signalName);
  }

  remove(nameOrId: string): void {
    const container = this.find(nameOrId);
    if (container === undefined) return;
    container.stopAsked = true;
    container.backoff?.abort();
    if (container.run !== undefined) this.#around.runtime.signal(container, "SIGKILL");
    container.present = false;
    this.#byId.delete(container.id);
    this.#byName.delete(container.name);
    this.#around.runtime.emit(container, "destroy");
  }

  rename(nameOrId: string, name: string): void {
    const container = this.#require(nameOrId, "rename");
    if (container.name === name) return;
    this.#refuseTaken(name, `Cannot rename container "${container.name}"`);
    this.#byName.delete(container.name);
    container.name = name;
    this.#byName.set(name, container);
    this.#around.runtime.emit(container, "rename");
  }

  async wait(nameOrId: string, signal: AbortSignal): Promise<ExitFacts> {
    const container = this.#require(nameOrId, "wait for");
    while (container.active && container.present) await container.changed(signal);
    return container.exit;
  }

  async *logs(nameOrId: string, options: LogOptions): AsyncGenerator<LogEntry, void, undefined> {
    const container = this.#require(nameOrId, "read the output of");
    using touched = container.watch(options.signal);
    const { output } = container;
    const sinceMs = options.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(options.since);
    let at = options.tail === undefined ? 0 : Math.max(0, output.length - options.tail);
    const wakeups = touched.channel[Symbol.asyncIterator]();
    for (;;) {
      for (; at < output.length; at += 1) {
        options.signal.throwIfAborted();
        yield* output.slice(at, at + 1).filter((entry) => Date.parse(entry.at) > sinceMs);
      }
      if (!options.follow || !container.active || !container.present) return;
      await wakeups.next();
    }
  }

  exec(nameOrId: string, options: ExecOptions): ExecSession {
    const container = this.#require(nameOrId, "run a command in");
    const run = container.run;
    if (run === undefined) {
      throw new LashError(
        "engine-conflict",
        `Cannot run a command in container "${container.name}": Container ${container.id} is not running`,
        { data: { status: 409 } },
      );
    }
    return openExec(container, run, this.#around.world.scripts.for(container.spec, run.number), options);
  }

  /** Ids of the running containers in a network. */
  members(network: string): readonly string[] {
    const members: string[] = [];
    for (const each of this.#byId.values()) {
      if (each.run !== undefined && networksOf(each.spec).includes(network)) members.push(each.id);
    }
    return members;
  }

  /** Name of a container for which `matches` holds. */
  userWhere(matches: (container: MemoryContainer) => boolean): string | undefined {
    return this.#byId.values().find(matches)?.name;
  }

  #require(nameOrId: string, doing: string): MemoryContainer {
    const container = this.find(nameOrId);
    if (container === undefined) {
      throw new LashError(
        "engine-not-found",
        `Cannot ${doing} container "${nameOrId}": No such container: ${nameOrId}`,
        {
          data: { status: 404 },
        },
      );
    }
    return container;
  }

  #refuseTaken(name: string, doing: string): void {
    const holder = this.#byName.get(name);
    if (holder === undefined) return;
    throw new LashError(
      "engine-conflict",
      `${doing}: Conflict. The container name "/${name}" is already in use by container "${holder.id}"`,
      { data: { status: 409 } },
    );
  }

  #mount(spec: ContainerSpec): ReadonlyMap<string, Map<string, string>> {
    const files = new Map<string, Map<string, string>>();
    for (const mount of spec.mounts ?? []) {
      const named = mount.type === "volume" && mount.source !== "";
      files.set(
        mount.target,
        named ? this.#around.volumes.ensure(mount.source).files : new Map<string, string>(),
      );
    }
    return files;
  }
}

/** Names of the networks a container is in. */
export function networksOf(spec: ContainerSpec): readonly string[] {
  return spec.networks?.map((network) => network.name) ?? ["bridge"];
}
