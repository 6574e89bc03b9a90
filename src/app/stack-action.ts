import type { Clock } from "../async/clock.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { label } from "../model/labels.ts";
import { stopLevels } from "../stack/names.ts";
import { requestArguments } from "../stack/tenancy.ts";
import { askTenant } from "../stack/tenure.ts";
import { acquireLock, type Lock } from "../state/lock.ts";
import { runtimeDirectory, stackKey } from "../state/runtime-dir.ts";

/** A change of a stack's containers. */
export interface StackAction {
  readonly stack: string;
  readonly action: "start" | "stop" | "restart";
  readonly targets: readonly ContainerFacts[];
  readonly graceMs: number | undefined;
}

interface Surroundings {
  readonly signal: AbortSignal;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

const defaultGraceMs = 10_000;
/** Before asking again who holds a stack whose holder is leaving. */
const leavingMs = 20;

/**
 * Has whoever holds the stack on this machine make the change; while nobody does, makes it here under the stack's lock,
 * from what the labels tell: dependents stop first and start last.
 */
export async function actOnStack(engine: Engine, action: StackAction, around: Surroundings): Promise<void> {
  if (engine.driver === "memory") {
    await change(engine, action, around.signal);
    return;
  }
  const { signal, environment, clock } = around;
  const [{ id }, directory] = await Promise.all([engine.info({ signal }), runtimeDirectory(environment)]);
  const key = stackKey(id, action.stack);
  const resources = action.targets.map(({ labels, name }) => labels[label.resource] ?? name);
  const request = {
    command: action.action,
    arguments: requestArguments({ resources, graceMs: action.graceMs }),
  };
  for (;;) {
    const answer = await askTenant({ directory, key }, request, signal);
    if (answer !== undefined) return;
    const attempt = await acquireLock(directory, key);
    if (attempt.type === "acquired") {
      await underLock(attempt.lock, async () => await change(engine, action, signal));
      return;
    }
    // A holder that is leaving no longer listens, but holds the stack until its last answer is out.
    await clock.sleep(leavingMs, { signal });
  }
}

async function underLock(lock: Lock, work: () => Promise<void>): Promise<void> {
  await using _lock = lock;
  await work();
}

async function change(
  engine: Engine,
  { action, targets, graceMs }: StackAction,
  signal: AbortSignal,
): Promise<void> {
  const levels = stopLevels(
    targets.map(({ name, labels }) => ({
      name: labels[label.resource] ?? name,
      dependsOn: (labels[label.dependsOn] ?? "").split(",").filter((each) => each !== ""),
    })),
  ).map((names) => targets.filter(({ name, labels }) => names.includes(labels[label.resource] ?? name)));
  if (action !== "start") {
    for (const level of levels) {
      await Promise.all(
        level.map((facts) => engine.stop(facts.id, { signal, graceMs: graceMs ?? graceOf(facts) })),
      );
    }
  }
  if (action === "stop") return;
  for (const level of levels.toReversed()) {
    await Promise.all(level.map(({ id }) => engine.start(id, { signal })));
  }
}

function graceOf({ labels }: ContainerFacts): number {
  const text = labels[label.stopGrace] ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : defaultGraceMs;
}
