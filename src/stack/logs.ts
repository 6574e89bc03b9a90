import { merge } from "../async/merge.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts, LogEntry } from "../engine/facts.ts";
import { isLashError } from "../model/errors.ts";
import type { StackContext } from "./context.ts";
import { engineFor } from "./engines.ts";
import type { StackLogOptions } from "./handle.ts";
import { containerName } from "./names.ts";

/** One line and whose it is. */
export interface ResourceLog {
  readonly resource: string;
  readonly entry: LogEntry;
}

/**
 * Output of resources in the order it arrives, secrets masked. Following goes on over restarts and recreations, until
 * the signal aborts, which ends the iteration without an error.
 */
export async function* stackLogs(
  context: StackContext,
  options: StackLogOptions,
): AsyncGenerator<ResourceLog> {
  const names = options.resources ?? context.stack.resources.map(({ name }) => name);
  const sources = names.flatMap((name) => {
    const resource = context.resource(name);
    const engine = resource === undefined ? undefined : engineFor(context.settings.engines, resource.kind);
    return engine === undefined ? [] : [resourceLogs(context, engine, name, options)];
  });
  try {
    yield* merge(sources);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}

async function* resourceLogs(
  context: StackContext,
  engine: Engine,
  name: string,
  options: StackLogOptions,
): AsyncGenerator<ResourceLog> {
  const { signal } = options;
  const container = containerName(context.stack.project, name);
  let { tail, since } = options;
  let last: RunMark = { id: "", startedAt: undefined };
  for (;;) {
    try {
      const facts = await engine.inspect(container, { signal });
      if (facts?.startedAt !== undefined && isNewRun(facts, last)) {
        const from = since;
        for await (const entry of engine.logs(facts.id, { signal, follow: options.follow, tail, since })) {
          if (from !== undefined && entry.at <= from) continue;
          since = entry.at;
          yield { resource: name, entry: { ...entry, text: context.mask(entry.text) } };
        }
        last = { id: facts.id, startedAt: facts.startedAt };
        tail = undefined;
      }
    } catch (error) {
      if (!options.follow || !isLashError(error, "engine-unreachable")) throw error;
    }
    if (!options.follow) return;
    await nextRun(context, engine, container, last, signal);
  }
}

interface RunMark {
  readonly id: string;
  readonly startedAt: string | undefined;
}

/** Waits until the container runs again, or another one of its name does. */
async function nextRun(
  context: StackContext,
  engine: Engine,
  container: string,
  last: RunMark,
  signal: AbortSignal,
): Promise<void> {
  const watcher = context.watcher(engine);
  let dirty = true;
  let wake = (): void => {};
  const unlisten = watcher.listen({
    look() {
      dirty = true;
      wake();
    },
  });
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      if (dirty) {
        dirty = false;
        if (await hasNewRun(engine, container, last, signal)) return;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    unlisten();
    signal.removeEventListener("abort", onAbort);
  }
}

/** An engine that is away says nothing; the watcher tells to look again when it is back. */
async function hasNewRun(
  engine: Engine,
  container: string,
  last: RunMark,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const facts = await engine.inspect(container, { signal });
    return facts !== undefined && isNewRun(facts, last);
  } catch (error) {
    if (isLashError(error, "engine-unreachable")) return false;
    throw error;
  }
}

function isNewRun(facts: ContainerFacts, last: RunMark): boolean {
  if (facts.startedAt === undefined) return false;
  return facts.id !== last.id || facts.startedAt !== last.startedAt;
}
