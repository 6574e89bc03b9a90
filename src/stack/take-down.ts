import { backoffMs } from "../async/backoff.ts";
import type { Clock } from "../async/clock.ts";
import { linkSignals } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import { isLashError, LashError, messageOf } from "../model/errors.ts";
import { label } from "../model/labels.ts";
import type { StackContext } from "./context.ts";
import { networkName, stopLevels } from "./names.ts";
import type { Observation, Observed } from "./observe.ts";

/** How containers are taken down. */
export interface TakeDownOptions {
  /** For every container; undefined: each one's own. */
  readonly graceMs: number | undefined;
  /** Aborts to kill what still has grace left. What was asked to be removed is removed all the same. */
  readonly killSignal: AbortSignal;
  readonly remove: boolean;
}

/** Something that could not be stopped or removed. */
export interface Leftover {
  readonly what: string;
  readonly error: string;
}

/** How often a refusal that passes by itself is tried again: "removal in progress", "has active endpoints". */
const retries = { attempts: 6, firstMs: 50, maximumMs: 1000 };
const defaultGraceMs = 10_000;

/**
 * Stops (and removes) containers in reverse order of their dependencies, level by level, each level in parallel. Sweeps
 * all of them whatever fails, and returns what is left.
 */
export async function takeDown(
  context: StackContext,
  targets: readonly Observed[],
  options: TakeDownOptions,
): Promise<readonly Leftover[]> {
  const nodes = targets.map(({ resource, facts }) => ({
    name: resource,
    dependsOn: (facts.labels[label.dependsOn] ?? "").split(",").filter((name) => name !== ""),
  }));
  const leftovers: Leftover[] = [];
  for (const level of stopLevels(nodes)) {
    const members = targets.filter(({ resource }) => level.includes(resource));
    const results = await Promise.all(members.map((target) => takeDownOne(context, target, options)));
    leftovers.push(...results.filter((each) => each !== undefined));
  }
  return leftovers;
}

async function takeDownOne(
  { board, bus, mask, settings }: StackContext,
  { engine, facts, resource }: Observed,
  options: TakeDownOptions,
): Promise<Leftover | undefined> {
  const { clock } = settings;
  const wasRunning = facts.state === "running" || facts.state === "restarting" || facts.state === "paused";
  try {
    if (wasRunning) {
      board.set(resource, { tag: "stopping" });
      bus.emit({ type: "resource_stopping", name: resource });
      await stop(
        engine,
        facts.id,
        options.graceMs ?? Number(facts.labels[label.stopGrace] ?? defaultGraceMs),
        options,
      );
    }
    if (options.remove) {
      await untilDone(clock, () => engine.remove(facts.id, { signal: new AbortController().signal }));
    }
    if (board.get(resource).tag !== "failed") board.set(resource, { tag: "stopped" });
    if (facts.state !== "created") bus.emit({ type: "resource_stopped", name: resource });
    return undefined;
  } catch (error) {
    return { what: `container ${facts.name}`, error: mask(messageOf(error)) };
  }
}

/** A second signal cuts the grace short; the stop that is under way then ends by itself. */
async function stop(
  engine: Engine,
  id: string,
  graceMs: number,
  { killSignal }: Pick<TakeDownOptions, "killSignal">,
): Promise<void> {
  const kill = (): Promise<void> =>
    engine.kill(id, { signalName: "SIGKILL", signal: new AbortController().signal });
  if (killSignal.aborted) {
    await kill();
    return;
  }
  using linked = linkSignals(killSignal);
  try {
    await engine.stop(id, { graceMs, signal: linked.signal });
  } catch (error) {
    if (!killSignal.aborted) throw error;
    await kill();
  }
}

/** Removes the project's network and, if asked, its volumes. Nothing without our label is touched. */
export async function removeGround(
  context: StackContext,
  observation: Pick<Observation, "network" | "volumes">,
  options: { readonly volumes: boolean },
): Promise<{
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
  readonly left: readonly Leftover[];
}> {
  const { engines, clock } = context.settings;
  const { project } = context.stack;
  const engine = engines.container;
  const signal = new AbortController().signal;
  const removed = { networks: [] as string[], volumes: [] as string[] };
  const left: Leftover[] = [];
  const attempt = async (
    what: string,
    list: string[],
    name: string,
    work: () => Promise<void>,
  ): Promise<void> => {
    try {
      await untilDone(clock, work);
      list.push(name);
    } catch (error) {
      left.push({ what: `${what} ${name}`, error: context.mask(messageOf(error)) });
    }
  };
  const { network } = observation;
  if (network?.labels[label.project] === project) {
    await attempt("network", removed.networks, networkName(project), async () =>
      engine?.networks?.remove(network.name, { signal }),
    );
  }
  if (options.volumes) {
    const work = observation.volumes.map(({ name }) =>
      attempt("volume", removed.volumes, name, async () => engine?.volumes?.remove(name, { signal })),
    );
    await Promise.all(work);
  }
  return { ...removed, left };
}

async function untilDone(clock: Clock, work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      const passing = isLashError(error, "engine-conflict") || isLashError(error, "engine-refused");
      if (!passing || attempt >= retries.attempts) throw error;
      await clock.sleep(backoffMs(attempt, retries), { signal: new AbortController().signal });
    }
  }
}

/** The error of a `down` that could not remove everything. */
export function leftoversError(project: string, left: readonly Leftover[]): LashError {
  const names = left.map(({ what }) => what).join(", ");
  return new LashError("leftovers", `Cannot remove everything of "${project}": left are ${names}`, {
    data: { leftovers: left },
    hint: "Run `lash down` again; if it stays, look at the engine's own log",
  });
}
