import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { Clock } from "../../async/clock.ts";
import { type ProcessIdentity, signalAll, survivors } from "./identity.ts";
import { MarkWriter } from "./marks.ts";
import type { ProcessRecord } from "./record.ts";
import type { ProcessStore } from "./store.ts";

/** Precision of the times of output. */
const markPeriodMs = 100;

/** The processes that this engine started itself: their ends are seen at once, with their exit codes. */
export class Children {
  readonly #store: ProcessStore;
  readonly #clock: Clock;
  readonly #onChange: (id: string) => void;
  readonly #running = new Map<string, { readonly ended: Promise<void>; readonly marks: MarkWriter }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: ProcessStore, clock: Clock, onChange: (id: string) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Watches a child that was just spawned and recorded. */
  adopt(of: ProcessRecord, identity: ProcessIdentity, child: ChildProcess): void {
    const marks = new MarkWriter(this.#store.folder(of.id));
    const ended = new Promise<void>((resolve) => {
      child.once("exit", (code, signalName) => {
        this.#running.delete(of.id);
        marks.note(this.#clock.now());
        this.#finish(
          of.id,
          identity,
          code ?? 128 + (signalName === null ? 0 : constants.signals[signalName]),
        );
        resolve();
      });
    });
    this.#running.set(of.id, { ended, marks });
    this.#timer ??= setInterval(() => this.#mark(), markPeriodMs).unref();
  }

  /** Resolves when our child has ended and that is recorded; undefined when it is not ours. */
  ended(id: string): Promise<void> | undefined {
    return this.#running.get(id)?.ended;
  }

  /** Stops noting times. Ends are recorded still, as long as this Node process lives. */
  close(): void {
    clearInterval(this.#timer);
  }

  #mark(): void {
    if (this.#running.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    for (const { marks } of this.#running.values()) marks.note(this.#clock.now());
  }

  /**
   * As in a container, what the process left in its group ends with it. A descendant that took a session of its own
   * meant to stay: it goes when the process is stopped or removed.
   */
  #finish(id: string, identity: ProcessIdentity, exitCode: number): void {
    signalAll(survivors(id, identity, { marked: false }), "SIGKILL");
    const found = this.#store.load(id);
    const at = found?.phase;
    if (found === undefined || at === undefined || at.tag === "created" || at.tag === "starting") return;
    if (at.process.pid !== identity.pid || at.process.start !== identity.start) return;
    const { process, startedAtMs } = at;
    const finishedAtMs = at.tag === "ended" ? at.finishedAtMs : this.#clock.now();
    this.#store.save({ ...found, phase: { tag: "ended", process, startedAtMs, finishedAtMs, exitCode } });
    this.#onChange(id);
  }
}
