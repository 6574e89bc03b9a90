import { systemClock } from "../../src/async/clock.ts";
import {
  createMemoryEngine,
  type MemoryEngine,
  type MemoryEngineOptions,
} from "../../src/drivers/memory/memory-engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import { resolveStack } from "../../src/manifest/resolve-stack.ts";
import { noVariables } from "../../src/manifest/variables.ts";
import type { PortChoice, Stack } from "../../src/model/stack.ts";
import type { StackEvent } from "../../src/stack/events.ts";
import type { StackHandle } from "../../src/stack/handle.ts";
import { createStackHandle } from "../../src/stack/stack-handle.ts";

/** A stack on the memory engine, with everything it told. */
export interface MemoryStack extends AsyncDisposable {
  readonly handle: StackHandle;
  readonly engine: MemoryEngine;
  readonly events: StackEvent[];
  /** `type name` of each event, without progress. */
  told(): readonly string[];
}

/** Opens a manifest text on a memory engine; `engine` continues on one that is there already. */
export function openMemoryStack(
  text: string,
  options: MemoryEngineOptions & {
    readonly engine?: MemoryEngine;
    readonly process?: Engine;
    /** In front of the memory engine: what the stack talks to instead. */
    readonly through?: (engine: MemoryEngine) => Engine;
    /** Port bundle chosen by the caller: nothing moves it. */
    readonly bundle?: string;
    readonly file?: string;
    /** Resources left out as those of an inactive profile are. */
    readonly without?: readonly string[];
  } = {},
): MemoryStack {
  const manifest = parseManifest(text, options.file ?? "/stacks/shop/lash.yml");
  const restack = ({ bundle, moved }: PortChoice): Stack => {
    const whole = resolveStack(manifest, { variables: noVariables, bundle, movedPorts: moved });
    const resources = whole.resources.filter(({ name }) => options.without?.includes(name) !== true);
    return { ...whole, resources };
  };
  const stack = restack({ bundle: options.bundle, moved: new Map() });
  const engine = options.engine ?? createMemoryEngine(options);
  const handle = createStackHandle(
    {
      stack,
      restack: options.bundle === undefined ? restack : undefined,
      engines: { container: options.through?.(engine) ?? engine, process: options.process },
      identity: {
        project: stack.project,
        manifestPath: stack.manifestPath,
        machine: "test-machine",
        user: "",
        version: "test",
      },
      clock: systemClock,
      generated: (resource) => `password-of-${resource}`,
      environment: {},
      secrets: [],
      freeHostPorts: false,
      declaredElsewhere: new Set(options.without),
    },
    { tenure: async () => undefined, prepare: async () => {}, missing: [], close: async () => {} },
  );
  const events: StackEvent[] = [];
  handle.onEvent((event) => events.push(event));
  return {
    handle,
    engine,
    events,
    told: () =>
      events
        .filter(({ type }) => type !== "resource_progress")
        .map((event) => ("name" in event ? `${event.type} ${event.name}` : event.type)),
    [Symbol.asyncDispose]: async () => {
      await handle[Symbol.asyncDispose]();
      if (options.engine === undefined) await engine[Symbol.asyncDispose]();
    },
  };
}

/** Container names in the order in which this happened to them. */
export function happened(engine: MemoryEngine, action: string): readonly string[] {
  return engine.log.flatMap((entry) =>
    entry.type === "change" && entry.of === "container" && entry.action === action ? [entry.target] : [],
  );
}
