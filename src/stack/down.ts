import type { StackContext } from "./context.ts";
import type { DownOptions, DownResult } from "./handle.ts";
import { observe } from "./observe.ts";
import { leftoversError, removeGround, takeDown } from "./take-down.ts";

/** Time for one look at the engines. */
const observeTimeoutMs = 30_000;

/** Looks again and sweeps up what appeared meanwhile; more rounds than this mean somebody keeps making things. */
const rounds = 3;

/**
 * Stops and removes everything that carries this project's labels, in reverse order. Not cut short by anything but the
 * kill signal, which shortens grace: half a `down` helps nobody. Rejects with `leftovers` after sweeping everything.
 */
export async function down(
  context: StackContext,
  options: DownOptions & { readonly killSignal: AbortSignal },
): Promise<DownResult> {
  const { engines } = context.settings;
  const { project } = context.stack;
  const look = () => observe(engines, project, { signal: AbortSignal.timeout(observeTimeoutMs) });
  context.bus.emit({ type: "stack_stopping", reason: "down" });
  const removed = new Set<string>();
  let observation = await look();
  const kept = observation.volumes.map(({ name }) => name);
  let left = await takeDown(context, observation.containers, { ...takeDownOptions(options) });
  for (let round = 1; round < rounds; round += 1) {
    for (const { facts } of observation.containers) removed.add(facts.name);
    observation = await look();
    if (observation.containers.length === 0) break;
    left = await takeDown(context, observation.containers, { ...takeDownOptions(options) });
  }
  const ground = await removeGround(context, observation, { volumes: options.volumes === true });
  context.members.clear();
  const all = [...left, ...ground.left];
  if (all.length > 0) throw leftoversError(project, all);
  context.bus.emit({ type: "stack_stopped" });
  return {
    removed: [...removed],
    networks: ground.networks,
    volumes: ground.volumes,
    kept: kept.filter((name) => !ground.volumes.includes(name)),
  };
}

function takeDownOptions(options: DownOptions & { readonly killSignal: AbortSignal }): {
  readonly graceMs: number | undefined;
  readonly killSignal: AbortSignal;
  readonly remove: true;
} {
  return { graceMs: options.graceMs, killSignal: options.killSignal, remove: true };
}
