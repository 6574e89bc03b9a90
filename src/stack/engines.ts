import type { Engine } from "../engine/engine.ts";
import type { ResourceKind, Work } from "../model/stack.ts";

/** The engines of a stack, by what they run. A stack without processes, or without containers, lacks the other. */
export interface Engines {
  readonly container: Engine | undefined;
  readonly process: Engine | undefined;
}

/** The engine that runs this kind; undefined for `external`, which nothing runs. */
export function engineFor(engines: Engines, kind: ResourceKind): Engine | undefined {
  if (kind === "external") return undefined;
  return required(kind === "process" ? engines.process : engines.container, kind);
}

export function engineForWork(engines: Engines, work: Work["type"]): Engine | undefined {
  if (work === "external") return undefined;
  return required(engines[work], work);
}

export function allEngines(engines: Engines): readonly Engine[] {
  return [engines.container, engines.process].filter((engine) => engine !== undefined);
}

function required(engine: Engine | undefined, what: string): Engine {
  if (engine === undefined) throw new Error(`unreachable: no engine was opened for ${what}`);
  return engine;
}
