import { abortable } from "../../src/async/signals.ts";
import { createMemoryEngine, type MemoryEngine } from "../../src/drivers/memory/memory-engine.ts";
import type { ContainerScript } from "../../src/drivers/memory/script.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import { resolveStack } from "../../src/manifest/resolve-stack.ts";
import { noVariables } from "../../src/manifest/variables.ts";
import type { StackEvent } from "../../src/stack/events.ts";
import type { StackHandle } from "../../src/stack/handle.ts";
import { createStackHandle } from "../../src/stack/stack-handle.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A stack on a memory engine, both on one virtual clock. */
export interface MemoryWorld extends AsyncDisposable {
  readonly engine: MemoryEngine;
  readonly clock: VirtualClock;
  readonly handle: StackHandle;
  readonly events: readonly StackEvent[];
  /** Names of the containers and networks that are there now. */
  holdings(): Promise<readonly string[]>;
  /** Lets time pass until this holds; throws if it does not within 10 minutes of virtual time. */
  until(holds: () => boolean, what: string): Promise<void>;
}

export const projectName = "shop";
export const containerOf = (resource: string): string => `${projectName}.${resource}`;

/** Opens these resources. What is asked of the engine takes the time of `delays`. */
export function openMemoryWorld(
  resources: Readonly<Record<string, unknown>>,
  options: {
    readonly scripts?: Readonly<Record<string, ContainerScript>>;
    readonly delays?: Readonly<Partial<Record<Parameters<MemoryEngine["delay"]>[0], number>>>;
    /** Continue on what another world's engine has. */
    readonly after?: MemoryWorld;
  } = {},
): MemoryWorld {
  const clock = options.after?.clock ?? new VirtualClock();
  const engine = options.after?.engine ?? createMemoryEngine({ clock });
  for (const [name, script] of Object.entries(options.scripts ?? {}))
    engine.script(containerOf(name), script);
  for (const [method, ms] of Object.entries(options.delays ?? {}))
    engine.delay(method as Parameters<MemoryEngine["delay"]>[0], ms);
  const text = JSON.stringify({ project: { name: projectName }, resources });
  const stack = resolveStack(parseManifest(text, "/stacks/shop/lash.yml"), { variables: noVariables });
  const handle = createStackHandle(
    {
      stack,
      clock,
      engines: { container: asDaemon(engine), process: undefined },
      identity: {
        project: stack.project,
        manifestPath: stack.manifestPath,
        machine: "test-machine",
        user: "",
        version: "test",
      },
      generated: (resource) => `password-of-${resource}`,
      environment: {},
      freeHostPorts: false,
      secrets: [],
    },
    { tenure: async () => undefined, prepare: async () => {}, missing: [], close: async () => {} },
  );
  const events: StackEvent[] = [];
  handle.onEvent((event) => events.push(event));
  const signal = new AbortController().signal;
  return {
    engine,
    clock,
    handle,
    events,
    async holdings() {
      const [containers, networks] = await Promise.all([
        engine.list({}, { signal }),
        engine.networks.list({}, { signal }),
      ]);
      return [
        ...containers.map(({ name, state }) => `container ${name} ${state}`),
        ...networks.map(({ name }) => `network ${name}`),
      ];
    },
    async until(holds, what) {
      const deadline = clock.now() + 600_000;
      for (await clock.settle(); !holds(); await clock.pass(5)) {
        if (clock.now() > deadline)
          throw new Error(
            `never happened: ${what}\n${events.map((event) => JSON.stringify(event)).join("\n")}`,
          );
      }
    },
    async [Symbol.asyncDispose]() {
      await handle[Symbol.asyncDispose]();
      if (options.after === undefined) await engine[Symbol.asyncDispose]();
    },
  };
}

/**
 * The engine as a daemon is: what it has begun it finishes, whether the caller still waits or not. The memory engine
 * alone forgets a call that is aborted while it is delayed.
 */
function asDaemon(engine: MemoryEngine): MemoryEngine {
  const never = new AbortController().signal;
  const goOn =
    <T, O extends { readonly signal: AbortSignal }, R>(call: (target: T, options: O) => Promise<R>) =>
    (target: T, options: O): Promise<R> =>
      abortable(call(target, { ...options, signal: never }), options.signal);
  const { networks, volumes } = engine;
  return {
    ...engine,
    create: goOn((target: Parameters<typeof engine.create>[0], given: Parameters<typeof engine.create>[1]) =>
      engine.create(target, given),
    ),
    start: goOn((target: Parameters<typeof engine.start>[0], given: Parameters<typeof engine.start>[1]) =>
      engine.start(target, given),
    ),
    stop: goOn((target: Parameters<typeof engine.stop>[0], given: Parameters<typeof engine.stop>[1]) =>
      engine.stop(target, given),
    ),
    kill: goOn((target: Parameters<typeof engine.kill>[0], given: Parameters<typeof engine.kill>[1]) =>
      engine.kill(target, given),
    ),
    remove: goOn((target: Parameters<typeof engine.remove>[0], given: Parameters<typeof engine.remove>[1]) =>
      engine.remove(target, given),
    ),
    rename: goOn((target: Parameters<typeof engine.rename>[0], given: Parameters<typeof engine.rename>[1]) =>
      engine.rename(target, given),
    ),
    networks: {
      ...networks,
      create: goOn(
        (target: Parameters<typeof networks.create>[0], given: Parameters<typeof networks.create>[1]) =>
          networks.create(target, given),
      ),
      remove: goOn(
        (target: Parameters<typeof networks.remove>[0], given: Parameters<typeof networks.remove>[1]) =>
          networks.remove(target, given),
      ),
    },
    volumes: {
      ...volumes,
      create: goOn(
        (target: Parameters<typeof volumes.create>[0], given: Parameters<typeof volumes.create>[1]) =>
          volumes.create(target, given),
      ),
      remove: goOn(
        (target: Parameters<typeof volumes.remove>[0], given: Parameters<typeof volumes.remove>[1]) =>
          volumes.remove(target, given),
      ),
    },
  };
}

/** Rejects when the work does not settle in this much real time: a hang, since virtual time costs next to nothing. */
export async function bounded<T>(work: Promise<T>, what: string, ms = 10_000): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`hangs: ${what}`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
