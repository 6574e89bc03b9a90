import type { DependencyStatus } from "./status.ts";

/** What may ask for a probe ahead of its time. */
export type Cause = "demand" | "suspect" | "socket" | "rearm";

/** Least time between the starts of two probes that the same cause asked for; what comes sooner is put off, not lost. */
const gapMs: Readonly<Record<Cause, number>> = { demand: 1000, suspect: 250, socket: 100, rearm: 250 };

/** A server makes its socket, which is seen, before it listens on it. */
const settleMs: Readonly<Record<Cause, number>> = { demand: 0, suspect: 0, socket: 20, rearm: 0 };

interface Due {
  readonly atMs: number;
  /** The wait when it was decided: a clock that was set back since cannot make it longer. */
  readonly withinMs: number;
}

/** When the next probe is due, and why. */
export interface Agenda {
  readonly scheduled: Due | undefined;
  readonly asked: (Due & { readonly cause: Cause }) | undefined;
  /** When a probe last started because of each cause. */
  readonly startedAt: Readonly<Partial<Record<Cause, number>>>;
}

/** The agenda at the start: a first probe at once. */
export function firstAgenda(nowMs: number): Agenda {
  return { scheduled: { atMs: nowMs, withinMs: 0 }, asked: undefined, startedAt: {} };
}

/** Asks for a probe as soon as the cause may have one. One that is due sooner serves this asker too. */
export function ask(agenda: Agenda, cause: Cause, { nowMs }: { readonly nowMs: number }): Agenda {
  const passedMs = nowMs - (agenda.startedAt[cause] ?? Number.NEGATIVE_INFINITY);
  // Negative: the clock was set back, so nobody knows how long ago it was.
  const restMs = passedMs < 0 ? 0 : gapMs[cause] - passedMs;
  const withinMs = Math.max(settleMs[cause], restMs);
  const atMs = nowMs + withinMs;
  if (agenda.asked !== undefined && agenda.asked.atMs <= atMs) return agenda;
  return { ...agenda, asked: { cause, atMs, withinMs } };
}

/** Time until the next probe is due; undefined: none is, unless somebody asks. */
export function dueInMs({ scheduled, asked }: Agenda, nowMs: number): number | undefined {
  const waits = [scheduled, asked].flatMap((due) =>
    due === undefined ? [] : [Math.min(Math.max(due.atMs - nowMs, 0), due.withinMs)],
  );
  return waits.length === 0 ? undefined : Math.min(...waits);
}

/** Whether the next probe starts because somebody asked, ahead of its time. */
export function isAhead({ scheduled, asked }: Agenda): boolean {
  return asked !== undefined && asked.atMs < (scheduled?.atMs ?? Number.POSITIVE_INFINITY);
}

/** The agenda once a probe has started: it serves everybody who asked. */
export function started(agenda: Agenda, nowMs: number): Agenda {
  const { asked, startedAt } = agenda;
  const isAsked = asked !== undefined && isAhead(agenda);
  return {
    scheduled: undefined,
    asked: undefined,
    startedAt: isAsked ? { ...startedAt, [asked.cause]: nowMs } : startedAt,
  };
}

/** The agenda once a probe has ended in this status. */
export function ended(
  agenda: Agenda,
  status: DependencyStatus,
  { nowMs, probeIntervalMs }: { readonly nowMs: number; readonly probeIntervalMs: number },
): Agenda {
  const withinMs = status.status === "up" ? probeIntervalMs : status.retryInMs;
  return {
    ...agenda,
    scheduled: withinMs === undefined ? undefined : { atMs: nowMs + withinMs, withinMs },
  };
}
