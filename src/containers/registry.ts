import type { ContainerFacts } from "../engine/facts.ts";
import { expiryOf } from "./cleanup-decision.ts";
import { givenLabels, isOwn, ttlOf } from "./labels.ts";
import { type CleanupState, type ContainerRecord, type Entry, neverCleaned } from "./record.ts";

interface RegistryOptions {
  readonly server: string;
  readonly nowMs: () => number;
  /** When containers were last used, as far as it was written down. */
  readonly lastUsed: ReadonlyMap<string, number>;
  /** Called when something changed that the clean-up or the file of uses may care for. */
  readonly onChange: () => void;
}

/** The server's containers as last seen: rebuilt from the engine's labels, with what only this process knows. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, Entry>();
  /** When containers were taken away: an older list does not bring them back. */
  readonly #dropped = new Map<string, number>();
  #seen = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** A point in time to pass to `replace`. */
  mark(): number {
    return this.#seen;
  }

  /** What the engine listed, asked for at the mark. What was seen since stays. */
  replace(all: readonly ContainerFacts[], mark: number): void {
    const listed = new Set(all.map(({ id }) => id));
    for (const [id, entry] of this.#entries) {
      if (!listed.has(id) && entry.seen <= mark) this.#entries.delete(id);
    }
    for (const facts of all) {
      const lastSeen = this.#entries.get(facts.id)?.seen ?? this.#dropped.get(facts.id) ?? 0;
      if (lastSeen <= mark) this.put(facts);
    }
    for (const [id, at] of this.#dropped) if (at <= mark) this.#dropped.delete(id);
    this.#options.onChange();
  }

  /** One container as just seen. Somebody else's is not kept. */
  put(facts: ContainerFacts): void {
    if (!isOwn(facts, this.#options.server)) return;
    const before = this.#entries.get(facts.id);
    this.#seen += 1;
    this.#entries.set(facts.id, {
      facts,
      // A server that has forgotten when takes now: rather too late than under somebody's hands.
      lastUsedAtMs: before?.lastUsedAtMs ?? this.#options.lastUsed.get(facts.id) ?? this.#options.nowMs(),
      uses: before?.uses ?? 0,
      cleanup: before?.cleanup ?? neverCleaned,
      seen: this.#seen,
    });
    if (before === undefined) this.#options.onChange();
  }

  drop(id: string): void {
    this.#seen += 1;
    this.#dropped.set(id, this.#seen);
    if (this.#entries.delete(id)) this.#options.onChange();
  }

  entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Somebody uses the container now. Never makes an entry. */
  touch(id: string): void {
    this.#change(id, (entry) => ({ ...entry, lastUsedAtMs: this.#options.nowMs() }));
  }

  /** The container is in use until disposal; then its time begins anew. */
  use(id: string): Disposable {
    this.#change(id, (entry) => ({ ...entry, uses: entry.uses + 1 }));
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        const nowMs = this.#options.nowMs();
        this.#change(id, (entry) => ({ ...entry, uses: Math.max(0, entry.uses - 1), lastUsedAtMs: nowMs }));
      },
    };
  }

  setCleanup(id: string, cleanup: CleanupState): void {
    this.#change(id, (entry) => ({ ...entry, cleanup }));
  }

  #change(id: string, next: (entry: Entry) => Entry): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.set(id, next(entry));
    this.#options.onChange();
  }
}

/** An entry as it is shown. */
export function recordOf(entry: Entry): ContainerRecord {
  const { facts, lastUsedAtMs, uses, cleanup } = entry;
  const { id, name, image, state, health, exitCode, oomKilled, ports } = facts;
  const { createdAt, startedAt, finishedAt } = facts;
  return {
    id,
    name,
    image,
    state,
    health,
    exitCode: state === "exited" || state === "dead" ? exitCode : undefined,
    oomKilled,
    labels: givenLabels(facts.labels),
    ports: ports.filter(({ hostPort }) => hostPort !== undefined),
    createdAt,
    startedAt,
    finishedAt,
    lastUsedAtMs,
    ttlSeconds: ttlOf(facts),
    expiresAtMs: expiryOf(entry),
    uses,
    terminating: cleanup.tag === "running",
  };
}
