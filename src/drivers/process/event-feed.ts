import type { Clock } from "../../async/clock.ts";
import type { LabelFilter } from "../../engine/engine.ts";
import type { EngineEvent } from "../../engine/facts.ts";
import type { ProcessRecord } from "./record.ts";

/** What happened between two looks at one record. Pure; `before` is undefined for a record not seen yet. */
export function eventsBetween(
  before: ProcessRecord | undefined,
  after: ProcessRecord | undefined,
  nowMs: number,
): readonly EngineEvent[] {
  const events: EngineEvent[] = [];
  const tell = (of: ProcessRecord, action: string, atMs: number, exitCode?: number): void => {
    events.push({ id: of.id, name: of.name, labels: of.labels, action, atMs, exitCode });
  };
  const of = after ?? before;
  if (of === undefined) return events;
  if (before === undefined) tell(of, "create", of.createdAtMs);
  else if (before.name !== of.name) tell(of, "rename", nowMs);

  const was = before?.phase.tag === "running" ? before : undefined;
  const startedAgain = after !== undefined && after.runs > (before?.runs ?? 0);
  if (was !== undefined && (startedAgain || after?.phase.tag !== "running")) {
    const code = after?.phase.tag === "ended" && !startedAgain ? after.phase.exitCode : undefined;
    const finished = after?.phase.tag === "ended" && !startedAgain ? after.phase.finishedAtMs : nowMs;
    tell(of, "die", finished, code);
  }
  if (startedAgain) {
    const at = after.phase;
    if (at.tag === "running" || at.tag === "ended") tell(of, "start", at.startedAtMs);
    if (at.tag === "ended") tell(of, "die", at.finishedAtMs, at.exitCode);
  }
  if (after === undefined) tell(of, "destroy", nowMs);
  return events;
}

/** What a record tells of the past. */
export function eventsSince(of: ProcessRecord, sinceMs: number): readonly EngineEvent[] {
  return eventsBetween(undefined, of, sinceMs).filter((event) => event.atMs >= sinceMs);
}

/** One listener: turns looks at records into events, whoever looks and however often. */
export class EventFeed {
  readonly #filter: LabelFilter;
  readonly #clock: Clock;
  readonly #seen = new Map<string, ProcessRecord>();
  /** Identifiers are never used twice; a late look at a removed record is not a new one. */
  readonly #gone = new Set<string>();
  #pending: EngineEvent[] = [];
  #wake: (() => void) | undefined;

  constructor(filter: LabelFilter, clock: Clock) {
    this.#filter = filter;
    this.#clock = clock;
  }

  get ids(): Iterable<string> {
    return this.#seen.keys();
  }

  /** What is there when listening begins. */
  begin(records: readonly ProcessRecord[], sinceMs: number | undefined): void {
    for (const each of records) {
      this.#seen.set(each.id, each);
      if (sinceMs !== undefined) this.#push(eventsSince(each, sinceMs));
    }
  }

  look(id: string, now: ProcessRecord | undefined): void {
    const before = this.#seen.get(id);
    if (this.#gone.has(id) || (before === undefined && now === undefined)) return;
    if (before !== undefined && now !== undefined && now.revision <= before.revision) return;
    if (now === undefined) {
      this.#seen.delete(id);
      this.#gone.add(id);
    } else this.#seen.set(id, now);
    this.#push(eventsBetween(before, now, this.#clock.now()));
  }

  take(): readonly EngineEvent[] {
    return this.#pending.splice(0);
  }

  /** Resolves at the next event, also when it came already. */
  async pending(): Promise<void> {
    if (this.#pending.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #push(events: readonly EngineEvent[]): void {
    this.#pending.push(...events.filter((event) => carries(event.labels, this.#filter)));
    if (this.#pending.length > 0) this.#wake?.();
  }
}

/** Whether `labels` has all of `filter`; an empty value asks for the key alone. */
export function carries(labels: Readonly<Record<string, string>>, filter: LabelFilter): boolean {
  return Object.entries(filter).every(([key, value]) =>
    value === "" ? labels[key] !== undefined : labels[key] === value,
  );
}
