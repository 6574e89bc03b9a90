import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts, EngineInfo, ImageFacts, NetworkFacts } from "../engine/facts.ts";
import { isLashError, type LashError } from "../model/errors.ts";
import type { Stack } from "../model/stack.ts";
import type { Observed } from "../stack/observe.ts";
import { type SameHost, sameHost } from "../stack/same-host.ts";
import type { EngineChoice } from "./doctor-engine.ts";
import { observedOf } from "./doctor-own.ts";
import { wantsOf } from "./doctor-wants.ts";
import { openFoundEngine } from "./engines.ts";

/** One look at the engine, or why there is none. */
export type EngineLook =
  | ({
      readonly type: "seen";
      readonly info: EngineInfo;
      readonly containers: readonly ContainerFacts[];
      /** Those of the project, if the stack has containers at all. */
      readonly own: readonly Observed[];
      readonly networks: readonly NetworkFacts[];
      /** Images of the manifest that are here, by reference. */
      readonly images: ReadonlyMap<string, ImageFacts>;
      readonly host: SameHost;
    } & EngineChoice)
  | { readonly type: "failed"; readonly error: LashError; readonly because: string }
  | { readonly type: "not-needed"; readonly because: string };

interface LookOptions {
  /** Without a stack the engine is looked at all the same. */
  readonly reading: Promise<{ readonly stack: Stack | undefined }>;
  readonly signal: AbortSignal;
}

/** Finds the engine and reads what it has. Rejects only with what is no LashError. */
export async function lookAtEngine(
  environment: NodeJS.ProcessEnv,
  options: LookOptions,
): Promise<EngineLook> {
  try {
    return await look(environment, options);
  } catch (error) {
    const { stack } = await options.reading;
    if (!isLashError(error)) throw error;
    if (needsEngine(stack)) return { type: "failed", error, because: "the engine cannot be reached" };
    return { type: "not-needed", because: "nothing of the stack is a container, and there is no engine" };
  }
}

/** Without a manifest it is the engine that the question is about. */
function needsEngine(stack: Stack | undefined): boolean {
  return stack?.resources.some(({ kind }) => kind !== "process" && kind !== "external") ?? true;
}

async function look(environment: NodeJS.ProcessEnv, { reading, signal }: LookOptions): Promise<EngineLook> {
  const { engine: opened, endpoint, source } = await openFoundEngine(environment, signal);
  await using engine = opened;
  const [info, containers, networks, images] = await Promise.all([
    engine.info({ signal }),
    engine.list({}, { signal }),
    engine.networks?.list({}, { signal }) ?? [],
    reading.then(async ({ stack }) => await localImages(engine, stack, signal)),
  ]);
  const host = await hostOf(info, containers, signal);
  const { stack } = await reading;
  const own = stack === undefined || !needsEngine(stack) ? [] : observedOf(engine, containers, stack.project);
  return { type: "seen", info, containers, own, networks, images, host, endpoint, source };
}

async function localImages(
  engine: Engine,
  stack: Stack | undefined,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ImageFacts>> {
  const wanted = stack === undefined ? [] : wantsOf(stack).images.map(({ reference }) => reference);
  const found = await Promise.all(
    [...new Set(wanted)].map(async (reference) => {
      const facts = await engine.images?.inspect(reference, { signal });
      return facts === undefined ? [] : [[reference, facts] as const];
    }),
  );
  return new Map(found.flat());
}

/**
 * A port that the engine publishes is proof where the engine's own word is none: taken here as well, its ports are this
 * machine's; free here, they are not, whatever it is called (an engine in a network of its own).
 */
async function hostOf(
  info: EngineInfo,
  containers: readonly ContainerFacts[],
  signal: AbortSignal,
): Promise<SameHost> {
  const published = containers.flatMap(({ ports }) => ports).find(({ hostPort }) => hostPort !== undefined);
  if (published?.hostPort === undefined) return await sameHost(info, { signal });
  const taken = { address: published.hostIp, number: published.hostPort, protocol: published.protocol };
  return await sameHost(info, { signal, taken });
}
