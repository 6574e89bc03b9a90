import { backoffMs } from "../async/backoff.ts";
import type { Clock } from "../async/clock.ts";
import { abortable, linkSignals, untilAborted } from "../async/signals.ts";
import type { Monitor } from "../connectivity/types.ts";
import type { EngineEvent } from "../engine/facts.ts";
import { LashError } from "../model/errors.ts";
import { type Calls, call } from "./calls.ts";
import type { ContainerEvents } from "./events.ts";
import { containerLabel } from "./labels.ts";
import type { Registry } from "./registry.ts";

export interface FollowerOptions {
  readonly calls: Calls;
  readonly monitor: Pick<Monitor, "status" | "subscribe" | "heartbeat">;
  readonly registry: Registry;
  readonly events: ContainerEvents;
  readonly server: string;
  readonly clock: Clock;
}

/** Between two tries to listen. */
const pause = { firstMs: 100, maximumMs: 5000 };

/** Events after which a container looks as before. */
const silent = /^(?:exec_|attach|detach|resize|top|archive-path|extract-to-dir|export|copy)/;

/**
 * Keeps the registry like the engine: lists when the engine is there (again), then looks at every container of which it
 * hears. An event means "look again", nothing more.
 */
export class Follower implements AsyncDisposable {
  readonly #options: FollowerOptions;
  readonly #life = new AbortController();
  readonly #dirty = new Set<string>();
  readonly #following: Promise<void>;
  #looking: Promise<void> = Promise.resolve();
  #listing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #isLooking = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#following = this.#follow();
  }

  /**
   * Lists the server's containers, from a moment after this call on, and replaces what was known of them. However many
   * ask, the engine lists once at a time.
   */
  async reconcile({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    this.#next ??= this.#afterThis();
    await abortable(this.#next, signal);
  }

  #afterThis(): Promise<void> {
    const next = (async () => {
      await this.#listing.catch(() => {});
      this.#next = undefined;
      this.#listing = this.#list();
      await this.#listing;
    })();
    // Whoever asked may have left.
    next.catch(() => {});
    return next;
  }

  /** Given up when the engine goes away: what waits for it then must not hold up the list that comes after. */
  async #list(): Promise<void> {
    const { calls, registry, server, monitor } = this.#options;
    using linked = linkSignals(this.#life.signal);
    const unsubscribe = monitor.subscribe(({ status }) => {
      if (status === "down") {
        linked.abort(new LashError("engine-unreachable", "Cannot list containers: the engine is away"));
      }
    });
    try {
      const mark = registry.mark();
      const filter = { [containerLabel.server]: server };
      const { signal } = linked;
      const all = await call(calls, { signal, doing: "list containers" }, (engine, within) =>
        engine.list(filter, { signal: within }),
      );
      registry.replace(all, mark);
    } finally {
      unsubscribe();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new LashError("cancelled", "Cannot follow the containers any longer: the server ends"));
    await this.#following;
    await Promise.allSettled([this.#looking, this.#listing]);
  }

  async #follow(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#life;
    let failures = 0;
    while (!signal.aborted) {
      await this.#untilUp();
      if (signal.aborted) return;
      const began = clock.now();
      await this.#listen().catch(() => {});
      failures = clock.now() - began > pause.maximumMs ? 1 : failures + 1;
      await clock.sleep(backoffMs(failures, pause), { signal }).catch(() => {});
    }
  }

  async #listen(): Promise<void> {
    const { calls, monitor, server, events } = this.#options;
    const { signal } = this.#life;
    const filter = { [containerLabel.server]: server };
    const onOpen = (): void => void this.reconcile({ signal }).catch(() => {});
    const stream = calls.engine().events(filter, { signal, onOpen });
    for await (const event of monitor.heartbeat(stream, { signal })) {
      if (silent.test(event.action)) continue;
      events.publish(event);
      this.#look(event);
    }
  }

  /** Looks at what is dirty, one at a time; what happens to it meanwhile is looked at after that. */
  #look({ id }: EngineEvent): void {
    this.#dirty.add(id);
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#looking = this.#drain();
  }

  async #drain(): Promise<void> {
    const { calls, registry } = this.#options;
    const { signal } = this.#life;
    for (const id of this.#dirty) {
      this.#dirty.delete(id);
      try {
        const facts = await call(calls, { signal, doing: `inspect container "${id}"` }, (engine, within) =>
          engine.inspect(id, { signal: within }),
        );
        if (facts === undefined) registry.drop(id);
        else registry.put(facts);
      } catch {
        // The engine is away; once it is back everything is listed.
      }
    }
    this.#isLooking = false;
  }

  async #untilUp(): Promise<void> {
    const { monitor } = this.#options;
    using wait = linkSignals(this.#life.signal);
    const done = (): void => wait.abort(new LashError("cancelled", "Cannot wait longer: it is up"));
    const unsubscribe = monitor.subscribe(({ status }) => {
      if (status === "up") done();
    });
    if (monitor.status.status === "up") done();
    await untilAborted(wait.signal);
    unsubscribe();
  }
}
