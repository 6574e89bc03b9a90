import { backoffMs } from "../async/backoff.ts";
import type { Clock } from "../async/clock.ts";
import { linkSignals } from "../async/signals.ts";
import type { ContainerFacts, EngineEvent } from "../engine/facts.ts";
import { isLashError } from "../model/errors.ts";
import { isBeginning, type Watcher } from "./watcher.ts";

/** What one look at a container showed, and how much had been heard of it by then. */
export interface Sight {
  readonly facts: ContainerFacts;
  readonly mark: number;
}

export interface UntilOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A former look: spares another one while nothing was heard since. */
  readonly seen?: Sight | undefined;
  /**
   * Takes the engine's word that a container ended with exit code 0. To inspect it then takes until the engine has
   * detached its network, 55 to 75 ms on 20.10, for nothing new.
   */
  readonly trustGoodEnd?: boolean | undefined;
}

/** Pauses between looks at a container whose engine does not answer. */
const unanswered = { firstMs: 100, maximumMs: 5000 };

/** Looks at a container; undefined when it is gone. */
export async function look(watcher: Watcher, id: string, signal: AbortSignal): Promise<Sight | undefined> {
  const mark = watcher.mark();
  const facts = await watcher.engine.inspect(id, { signal });
  return facts === undefined ? undefined : { facts, mark };
}

/**
 * Resolves with what a container looks like as soon as that satisfies `judge`; undefined means it is gone. Looks at
 * once, unless `seen` is still good, and again whenever something is heard of it.
 */
export async function until(
  watcher: Watcher,
  id: string,
  judge: (facts: ContainerFacts | undefined) => boolean,
  options: UntilOptions,
): Promise<Sight | undefined> {
  const { signal, clock } = options;
  let last = options.seen;
  let dirty = last === undefined || last.facts.state !== "running" || !watcher.isFresh(id, last.mark);
  let told: ContainerFacts | undefined;
  let failures = 0;
  let wake = (): void => {};
  const unlisten = watcher.listen({
    look(changed, event) {
      if (changed !== undefined && changed !== id) return;
      if (event !== undefined && isBeginning(event) && last?.facts.state === "running") return;
      told = options.trustGoodEnd === true ? goodEnd(event, last?.facts) : undefined;
      dirty = true;
      wake();
    },
  });
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (!dirty && last !== undefined && judge(last.facts)) return last;
    for (;;) {
      signal.throwIfAborted();
      if (told !== undefined && judge(told)) return { facts: told, mark: watcher.mark() };
      told = undefined;
      if (!dirty) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      dirty = false;
      const sight = await lookOrUnknown(watcher, id, signal);
      if (sight !== "unknown") {
        failures = 0;
        if (judge(sight?.facts)) return sight;
        last = sight;
        continue;
      }
      failures += 1;
      await pause(clock, backoffMs(failures, unanswered), signal, (stop) => {
        wake = stop;
      });
      dirty = true;
    }
  } finally {
    unlisten();
    signal.removeEventListener("abort", onAbort);
  }
}

function goodEnd(
  event: EngineEvent | undefined,
  last: ContainerFacts | undefined,
): ContainerFacts | undefined {
  if (event?.action !== "die" || event.exitCode !== 0 || last === undefined) return undefined;
  return {
    ...last,
    state: "exited",
    exitCode: 0,
    oomKilled: false,
    error: "",
    finishedAt: new Date(event.atMs).toISOString(),
    pid: undefined,
    ports: [],
    addresses: {},
  };
}

async function pause(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  onStop: (stop: () => void) => void,
): Promise<void> {
  using linked = linkSignals(signal);
  const woken = new Promise<void>((resolve) => {
    onStop(resolve);
  });
  await Promise.race([woken, clock.sleep(ms, linked).catch(() => {})]);
  linked.abort(new Error("looking again"));
}

/**
 * An engine that cannot be reached, or refuses or takes too long for once, says nothing about the container. It has to be
 * asked again: the stream of events may be as it was, and then nothing else would.
 */
async function lookOrUnknown(
  watcher: Watcher,
  id: string,
  signal: AbortSignal,
): Promise<Sight | undefined | "unknown"> {
  try {
    return await look(watcher, id, signal);
  } catch (error) {
    signal.throwIfAborted();
    const passing = (["engine-unreachable", "engine-refused", "timed-out"] as const).some((code) =>
      isLashError(error, code),
    );
    if (passing) return "unknown";
    throw error;
  }
}
