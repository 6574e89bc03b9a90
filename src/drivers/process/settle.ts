import type { Clock } from "../../async/clock.ts";
import { findMarked, isAlive, type ProcessIdentity } from "./identity.ts";
import { tryLock } from "./lock.ts";
import type { Phase, ProcessRecord } from "./record.ts";
import type { ProcessStore } from "./store.ts";

/** Time that the Lash which started a process has to write down how it ended, before we say that nobody knows. */
const reportMs = 1_000;
const pollMs = 10;

/**
 * The record as it is true now. What nobody wrote down, because the Lash that started the process is gone, is found
 * out and written: a process that ended (exit code unknown), or one whose start was cut off half-way.
 */
export async function settle(
  store: ProcessStore,
  id: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ProcessRecord | undefined> {
  const deadline = clock.now() + reportMs;
  for (;;) {
    const found = store.load(id);
    if (found === undefined || isSettled(found.phase)) return found;
    if (clock.now() >= deadline || !isAlive(launcherOf(found.phase))) return correct(store, found, clock);
    if (found.phase.tag === "starting") return found;
    await clock.sleep(pollMs, { signal });
  }
}

/** Whether the record needs no look at the process table, or that look confirms it. */
export function isSettled(phase: Phase): boolean {
  return phase.tag === "running" ? isAlive(phase.process) : phase.tag !== "starting";
}

function launcherOf(phase: Phase): ProcessIdentity {
  if (phase.tag === "starting" || phase.tag === "running") return phase.launcher;
  return { pid: 0, start: "", boot: "" };
}

/** Writes the truth if nobody else is at it; tells it in any case. */
function correct(store: ProcessStore, seen: ProcessRecord, clock: Clock): ProcessRecord | undefined {
  const lock = tryLock(`${store.folder(seen.id)}/lock`);
  if (lock === undefined) return undefined;
  if (lock === "held") return { ...seen, phase: truth(seen, clock) };
  using _ = lock;
  const current = store.load(seen.id);
  if (current === undefined || current.revision !== seen.revision) return current;
  return store.save({ ...current, phase: truth(current, clock) });
}

/** What is true of a record that says something else, found out by looking at the process table. */
export function truth({ id, phase }: ProcessRecord, clock: Clock): Phase {
  if (phase.tag === "running") {
    const { process, startedAtMs } = phase;
    return { tag: "ended", process, startedAtMs, finishedAtMs: clock.now() };
  }
  if (phase.tag !== "starting") return phase;
  const stray = findMarked(id);
  if (stray === undefined)
    return { tag: "created", error: "the start was cut off before the process existed" };
  return { tag: "running", process: stray, launcher: phase.launcher, startedAtMs: phase.startedAtMs };
}
