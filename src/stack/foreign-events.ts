import { linkSignals } from "../async/signals.ts";
import { isLashError } from "../model/errors.ts";
import type { JsonValue } from "../model/json.ts";
import type { StackContext } from "./context.ts";
import { allEngines } from "./engines.ts";
import type { StackEventBody } from "./events.ts";
import type { Mask } from "./mask.ts";
import { observe, type Seen } from "./observe.ts";
import type { Tenancy } from "./tenancy.ts";

/** How often a stack that nobody holds is asked whether somebody holds it now. */
const holderPeriodMs = 1000;

/**
 * Tells what happens in a stack that another process works on, until the signal aborts: the holder's own events while
 * there is one, what can be seen from the engines while there is none.
 */
export async function followForeign(
  context: StackContext,
  tenancy: Tenancy,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = context.settings;
  while (!signal.aborted) {
    try {
      const request = { command: "events", arguments: {} } as const;
      const heard = await tenancy.ask(request, signal, (said) => repeat(context, said));
      if (heard === undefined) {
        using pause = linkSignals(signal);
        const watching = watchEngines(context, pause.signal);
        await clock.sleep(holderPeriodMs, { signal });
        pause.abort(new Error("asking for a holder"));
        await watching;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isLashError(error, "engine-unreachable")) throw error;
      await clock.sleep(holderPeriodMs, { signal }).catch(() => {});
    }
  }
}

/** An event of the holder, told here as our own. */
export function repeat(context: StackContext, said: JsonValue): void {
  if (typeof said !== "object" || said === null || !("type" in said)) return;
  context.bus.emit(said as unknown as StackEventBody);
}

/** Emits what changes between two looks, each as soon as an engine says that something did. */
async function watchEngines(context: StackContext, signal: AbortSignal): Promise<void> {
  const { engines } = context.settings;
  const { project } = context.stack;
  let wake = (): void => {};
  let dirty = true;
  const unlisten = allEngines(engines).map((engine) =>
    context.watcher(engine).listen({
      look() {
        dirty = true;
        wake();
      },
    }),
  );
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort, { once: true });
  let last = context.seen;
  try {
    while (!signal.aborted) {
      if (!dirty) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      dirty = false;
      const { containers } = await observe(engines, project, { signal });
      const now = new Map(containers.map(({ resource, facts }) => [facts.id, { resource, facts }]));
      if (last !== undefined) for (const event of changes(last, now, context.mask)) context.bus.emit(event);
      last = now;
      context.seen = now;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const end of unlisten) end();
    signal.removeEventListener("abort", onAbort);
  }
}

/** The events that lead from one look to the next. Pure. */
export function changes(before: Seen, now: Seen, mask: Mask): readonly StackEventBody[] {
  const events: StackEventBody[] = [];
  for (const [id, { resource, facts }] of now) {
    const was = before.get(id)?.facts;
    const runs = facts.state === "running";
    const ran = was?.state === "running" && was.startedAt === facts.startedAt;
    if (runs && !ran)
      events.push({ type: "resource_started", name: resource, container_id: id, adopted: false });
    if (!runs && ran) {
      events.push({
        type: "resource_exited",
        name: resource,
        exit_code: facts.exitCode,
        oom_killed: facts.oomKilled,
        log_tail: [],
      });
    }
    if (runs && facts.health === "unhealthy" && was?.health !== "unhealthy") {
      events.push({ type: "resource_unhealthy", name: resource, output: mask(facts.healthOutput) });
    }
    if (runs && facts.health === "healthy" && was?.health !== "healthy") {
      events.push({ type: "resource_ready", name: resource, container_id: id, url: undefined });
    }
  }
  for (const [id, { resource }] of before) {
    if (!now.has(id)) events.push({ type: "resource_stopped", name: resource });
  }
  return events;
}
