import type { Engine } from "../engine/engine.ts";
import type { ResolvedResource, Resource } from "../model/stack.ts";
import { FailureError } from "../recovery/recover-once.ts";
import type { StackContext } from "./context.ts";
import { readinessFailure } from "./failures.ts";
import { awaitReady } from "./readiness.ts";
import type { Sight } from "./sight.ts";

/** What was started, or found running, and how it looked then. */
interface Made extends Sight {
  readonly resource: Resource;
  readonly resolved: ResolvedResource;
  readonly engine: Engine;
}

/** Tells that it was started and waits until it is ready or completed. Rejects with FailureError when it is not. */
export async function settle(
  context: StackContext,
  { resource, resolved, engine, facts, mark }: Made,
  {
    adopted,
    signal,
    existingData,
  }: {
    readonly adopted: boolean;
    readonly signal: AbortSignal;
    /** Whether an earlier run wrote its data. */
    readonly existingData: boolean;
  },
): Promise<void> {
  const { board, bus, mask } = context;
  const { name } = resource;
  context.members.set(name, { resource, resolved, running: { engine, facts, mark } });
  bus.emit({ type: "resource_started", name, container_id: facts.id, adopted });
  if (adopted && facts.state === "exited") {
    // Only a task that completed is kept without running.
    board.set(name, { tag: "completed" });
    bus.emit({ type: "resource_completed", name });
    return;
  }
  board.set(name, { tag: "running", id: facts.id });
  const readiness = await awaitReady({
    engine,
    resolved,
    facts,
    mark,
    signal,
    watcher: context.watcher(engine),
    clock: context.settings.clock,
    networkId: context.networkId,
    execPermits: context.execPermits(engine),
  });
  switch (readiness.type) {
    case "ready":
      board.set(name, { tag: "ready", id: facts.id });
      bus.emit({ type: "resource_ready", name, container_id: facts.id, url: context.shownUrl(name) });
      return;
    case "completed":
      context.members.set(name, { resource, resolved, running: { engine, mark, facts: readiness.facts } });
      board.set(name, { tag: "completed" });
      bus.emit({ type: "resource_completed", name });
      return;
    case "ended":
    case "crash-loop":
    case "timed-out":
      throw new FailureError(
        await readinessFailure(name, readiness, { engine, id: facts.id, mask, signal, existingData }),
      );
  }
}
