import { join } from "node:path";
import type { Clock } from "../../async/clock.ts";
import { linkSignals } from "../../async/signals.ts";
import type { ExitFacts } from "../../engine/facts.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { LashError } from "../../model/errors.ts";
import { Children } from "./children.ts";
import {
  identityOf,
  isAlive,
  isSignal,
  type ProcessIdentity,
  signalAll,
  survivors,
  trySignal,
} from "./identity.ts";
import { launch, type Refusal, refusalOf } from "./launch.ts";
import { takeLock } from "./lock.ts";
import { exitFacts, type ProcessRecord } from "./record.ts";
import { isSettled, settle, truth } from "./settle.ts";
import { checkSpec } from "./spec-check.ts";
import type { ProcessStore } from "./store.ts";

/** How often we look whether a process that is not our child still runs. */
const lookPeriodMs = 100;
/** While ending one, more often: somebody waits. */
const endPeriodMs = 20;
/** A process that SIGKILL did not end within this time hangs in the kernel; waiting longer does not help. */
const killPatienceMs = 10_000;

/** What can be done with the processes of one folder. */
export class Processes {
  readonly store: ProcessStore;
  readonly #clock: Clock;
  readonly #children: Children;
  readonly #self: ProcessIdentity;
  readonly #onChange: (id: string) => void;

  constructor(store: ProcessStore, clock: Clock, onChange: (id: string) => void) {
    const self = identityOf(process.pid);
    if (self === undefined) throw new Error("unreachable: this process has no entry in the process table");
    this.store = store;
    this.#clock = clock;
    this.#children = new Children(store, clock, onChange);
    this.#self = self;
    this.#onChange = onChange;
  }

  close(): void {
    this.#children.close();
  }

  /** The record as it is true now. */
  async find(nameOrId: string, signal: AbortSignal): Promise<ProcessRecord | undefined> {
    signal.throwIfAborted();
    const found = this.store.find(nameOrId);
    return found === undefined ? undefined : this.settled(found.id, signal);
  }

  settled(id: string, signal: AbortSignal): Promise<ProcessRecord | undefined> {
    return settle(this.store, id, { clock: this.#clock, signal });
  }

  async require(nameOrId: string, doing: string, signal: AbortSignal): Promise<ProcessRecord> {
    const found = await this.find(nameOrId, signal);
    if (found !== undefined) return found;
    throw new LashError("engine-not-found", `Cannot ${doing} process "${nameOrId}": no such process`, {
      data: { status: 404 },
    });
  }

  async create(spec: ContainerSpec, signal: AbortSignal): Promise<{ readonly id: string }> {
    const command = checkSpec(spec);
    using _ = await this.#lock("", signal);
    this.#refuseTaken(spec.name, "create");
    const created = this.store.add({
      name: spec.name,
      labels: spec.labels,
      command: [...command],
      env: spec.env,
      workingDir: spec.workingDir,
      stopSignal: spec.stopSignal ?? "SIGTERM",
      createdAtMs: this.#clock.now(),
      runs: 0,
      phase: { tag: "created", error: "" },
    });
    this.#onChange(created.id);
    return { id: created.id };
  }

  async start(nameOrId: string, signal: AbortSignal): Promise<void> {
    const { id } = await this.require(nameOrId, "start", signal);
    using _ = await this.#lock(id, signal);
    const found = await this.settled(id, signal);
    if (found === undefined) return;
    // We hold the lock: a start that is under way was cut off, by an error of this very Lash perhaps.
    const now = found.phase.tag === "starting" ? { ...found, phase: truth(found, this.#clock) } : found;
    if (now.phase.tag === "running") {
      if (found !== now) this.store.save(now);
      return;
    }
    // From here on nothing is cancelled: what is spawned must be recorded.
    const startedAtMs = this.#clock.now();
    const intent = this.store.save({ ...now, phase: { tag: "starting", launcher: this.#self, startedAtMs } });
    if (intent === undefined) return;
    const child = launch(intent, this.store.folder(id));
    const identity = "text" in child || child.pid === undefined ? undefined : identityOf(child.pid);
    if ("text" in child || identity === undefined) {
      const refused = "text" in child ? child : await refusalOf(intent, child);
      throw this.#refused(intent, refused);
    }
    const runs = now.runs + 1;
    const phase = { tag: "running", launcher: this.#self, process: identity, startedAtMs } as const;
    const running = this.store.save({ ...intent, runs, phase });
    if (running === undefined) signalAll(survivors(id, identity), "SIGKILL");
    else this.#children.adopt(running, identity, child);
    this.#onChange(id);
  }

  async stop(nameOrId: string, graceMs: number, signal: AbortSignal): Promise<void> {
    const found = await this.find(nameOrId, signal);
    if (found === undefined) return;
    const at = found.phase;
    if (at.tag !== "running") {
      await this.#sweep(found, signal);
      return;
    }
    this.#send(at.process, found.stopSignal);
    await this.#endedWithin(at.process, graceMs, signal);
    await this.#sweep(found, signal);
    await this.settled(found.id, signal);
  }

  async kill(nameOrId: string, signalName: string, signal: AbortSignal): Promise<void> {
    const found = await this.find(nameOrId, signal);
    if (found?.phase.tag === "running") this.#send(found.phase.process, signalName);
  }

  async remove(nameOrId: string, signal: AbortSignal): Promise<void> {
    const found = await this.find(nameOrId, signal);
    if (found === undefined) return;
    using _ = await this.#lock(found.id, signal);
    const now = await this.settled(found.id, signal);
    if (now === undefined) return;
    await this.#sweep(now, signal);
    await this.#children.ended(now.id);
    await this.settled(now.id, signal);
    this.#onChange(now.id);
    this.store.delete(now.id);
    this.#onChange(now.id);
  }

  async rename(nameOrId: string, name: string, signal: AbortSignal): Promise<void> {
    const { id } = await this.require(nameOrId, "rename", signal);
    using _ = await this.#lock("", signal);
    using __ = await this.#lock(id, signal);
    const now = await this.settled(id, signal);
    if (now === undefined || now.name === name) return;
    this.#refuseTaken(name, "rename to");
    this.store.save({ ...now, name });
    this.#onChange(id);
  }

  async wait(nameOrId: string, signal: AbortSignal): Promise<ExitFacts> {
    let now: ProcessRecord | undefined = await this.require(nameOrId, "wait for", signal);
    let last = now;
    while (now?.phase.tag === "running") {
      await this.#lookLater(now.id, signal);
      last = now;
      now = await this.settled(now.id, signal);
    }
    return exitFacts(now ?? last);
  }

  /** Whether a process that was running may still write. */
  isRunning(id: string): boolean {
    const phase = this.store.load(id)?.phase;
    return phase?.tag === "running" && isSettled(phase);
  }

  /** Resolves when our own child ended, otherwise after a while: look again. */
  async #lookLater(id: string, signal: AbortSignal): Promise<void> {
    const ended = this.#children.ended(id);
    if (ended === undefined) return this.#clock.sleep(lookPeriodMs, { signal });
    // The child does not keep Node alive, this sleep does: somebody waits.
    using slept = linkSignals(signal);
    try {
      await Promise.race([ended, this.#clock.sleep(lookPeriodMs * 10, { signal: slept.signal })]);
    } finally {
      slept.abort("ended");
    }
  }

  /** Ends whatever is left of a process; rejects when the kernel does not let go of it. */
  async #sweep(of: ProcessRecord, signal: AbortSignal): Promise<void> {
    const at = of.phase;
    const leader = at.tag === "running" || at.tag === "ended" ? at.process : undefined;
    const deadline = this.#clock.now() + killPatienceMs;
    for (let left = survivors(of.id, leader); left.length > 0; left = survivors(of.id, leader)) {
      signalAll(left, "SIGKILL");
      if (this.#clock.now() > deadline) {
        throw new LashError(
          "engine-refused",
          `Cannot stop process "${of.name}": ${left.join(", ")} did not end`,
          {
            data: { pids: left },
          },
        );
      }
      await this.#clock.sleep(endPeriodMs, { signal });
    }
  }

  async #endedWithin(identity: ProcessIdentity, graceMs: number, signal: AbortSignal): Promise<void> {
    const deadline = this.#clock.now() + graceMs;
    while (isAlive(identity) && this.#clock.now() < deadline) {
      await this.#clock.sleep(Math.min(endPeriodMs, Math.max(1, deadline - this.#clock.now())), { signal });
    }
  }

  /** To the whole group, as a terminal would. */
  #send(identity: ProcessIdentity, signalName: string): void {
    if (!isAlive(identity)) return;
    if (!isSignal(signalName)) {
      throw new LashError("engine-refused", `Cannot send a signal: invalid signal "${signalName}"`, {
        data: { status: 400 },
      });
    }
    trySignal(-identity.pid, signalName);
  }

  #refused(intent: ProcessRecord, refused: Refusal): LashError {
    const phase = { tag: "created", error: refused.text, exitCode: refused.exitCode } as const;
    this.store.save({ ...intent, phase });
    this.#onChange(intent.id);
    return new LashError("engine-refused", `Cannot start process "${intent.name}": ${refused.text}`, {
      data: { status: 400 },
    });
  }

  #refuseTaken(name: string, doing: string): void {
    const holder = this.store.find(name);
    if (holder === undefined) return;
    throw new LashError(
      "engine-conflict",
      `Cannot ${doing} process "${name}": the name is in use by "${holder.id}"`,
      {
        data: { status: 409, holder: holder.id },
      },
    );
  }

  #lock(id: string, signal: AbortSignal): Promise<Disposable | undefined> {
    const path = id === "" ? join(this.store.directory, ".names.lock") : join(this.store.folder(id), "lock");
    return takeLock(path, { clock: this.#clock, signal });
  }
}
