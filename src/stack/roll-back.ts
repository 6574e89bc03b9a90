import { backoffMs } from "../async/backoff.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { isLashError, messageOf } from "../model/errors.ts";
import { label } from "../model/labels.ts";
import { showFound } from "./adopt.ts";
import type { StackContext } from "./context.ts";
import { containerName, networkName } from "./names.ts";
import { type Observation, type Observed, observe } from "./observe.ts";
import { type Leftover, removeGround, takeDown } from "./take-down.ts";

/** Time for the look at what a failed `up` left. */
const observeTimeoutMs = 30_000;
/** How long an engine that is away is waited for: dockerd needs up to 11 s to be back after a SIGKILL (20.10). */
const awayMs = 12_000;

/** What an `up` did, as far as it knows. */
export interface Undo {
  readonly before: Observation;
  readonly started: ReadonlySet<string>;
  /** Ids of what was stopped, or was about to be, to make room. */
  readonly replaced: Pick<ReadonlySet<string>, "has">;
  /** Names whose creation was asked for and never answered: the engine may yet make them. */
  readonly unanswered: ReadonlySet<string>;
}

/** Looks for what an engine makes although its answer was lost; it had been asked, so it takes no longer than a creation. */
const lateCreations = { looks: 5, pauseMs: 200 };

/**
 * Undoes what an `up` did, judged by what the engine has now against what it had before: a container nobody had seen is
 * ours to remove, also one whose creation was cut short. What waits as `.previous` gets its name back and runs again.
 */
export async function rollBack(
  context: StackContext,
  was: Undo,
  options: { readonly killSignal: AbortSignal; readonly options: { readonly graceMs?: number | undefined } },
): Promise<readonly Leftover[]> {
  const { project } = context.stack;
  const down = { graceMs: options.options.graceMs, killSignal: options.killSignal };
  const known = new Set(was.before.containers.map(({ facts }) => facts.id));
  const isNew = ({ facts }: Observed): boolean =>
    !known.has(facts.id) && facts.labels[label.oneOff] === undefined;
  try {
    const now = await lookAgain(context, options.killSignal);
    const restarted = now.containers.filter(({ facts }) => known.has(facts.id) && was.started.has(facts.id));
    const left = [
      ...(await takeDown(context, now.containers.filter(isNew), { ...down, remove: true })),
      ...(await takeDown(context, restarted, { ...down, remove: false })),
      ...(await bringBack(context, was, now)),
    ];
    const open = new Set(was.unanswered);
    for (const { facts } of now.containers) open.delete(facts.name);
    for (let look = 1; open.size > 0 && look <= lateCreations.looks; look += 1) {
      await context.settings.clock.sleep(lateCreations.pauseMs, { signal: new AbortController().signal });
      const late = (await lookAgain(context, options.killSignal)).containers.filter(isNew);
      for (const { facts } of late) open.delete(facts.name);
      left.push(...(await takeDown(context, late, { ...down, remove: true })));
    }
    if (was.before.network === undefined && known.size === 0) {
      const { network } = await lookAgain(context, options.killSignal);
      left.push(...(await removeGround(context, { network, volumes: [] }, { volumes: false })).left);
    }
    return left;
  } catch (error) {
    return [
      { what: `what was started of "${project}" (network ${networkName(project)})`, error: messageOf(error) },
    ];
  }
}

/** An engine that is away for a moment, perhaps why the start failed, is waited for: what it holds is ours to remove. */
async function lookAgain(context: StackContext, killSignal: AbortSignal): Promise<Observation> {
  const { engines, clock } = context.settings;
  const until = clock.now() + awayMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await observe(engines, context.stack.project, { signal: AbortSignal.timeout(observeTimeoutMs) });
    } catch (error) {
      if (!isLashError(error, "engine-unreachable") || clock.now() > until || killSignal.aborted) throw error;
      await clock.sleep(backoffMs(attempt, { firstMs: 50, maximumMs: 1000 }), { signal: killSignal });
    }
  }
}

function isUp({ state }: ContainerFacts): boolean {
  return state === "running" || state === "restarting";
}

async function bringBack(
  context: StackContext,
  { before, replaced }: Undo,
  now: Observation,
): Promise<readonly Leftover[]> {
  const { project } = context.stack;
  const left: Leftover[] = [];
  for (const { engine, facts, resource } of now.containers) {
    const was = before.containers.find((each) => each.facts.id === facts.id);
    if (was === undefined) continue;
    const renamed = was.facts.name !== facts.name;
    const stopped = isUp(was.facts) && !isUp(facts) && replaced.has(facts.id);
    if (!renamed && !stopped) continue;
    const signal = AbortSignal.timeout(observeTimeoutMs);
    try {
      if (renamed) await engine.rename(facts.id, { signal, name: containerName(project, resource) });
      if (stopped) await engine.start(facts.id, { signal });
      // Its status is that of what is back, not of the attempt that failed.
      const back = await engine.inspect(facts.id, { signal });
      if (back !== undefined) showFound(context, resource, back);
      context.bus.emit({
        type: "notice",
        message: `"${resource}" ${isUp(was.facts) ? "runs again" : "is"} as it was before`,
        hint: undefined,
      });
    } catch (error) {
      left.push({ what: `the former container of "${resource}" (${facts.name})`, error: messageOf(error) });
    }
  }
  return left;
}
