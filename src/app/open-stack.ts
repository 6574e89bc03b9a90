import { availableParallelism } from "node:os";
import { systemClock } from "../async/clock.ts";
import type { Engine } from "../engine/engine.ts";
import { loadManifest } from "../manifest/load.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { Stack } from "../model/stack.ts";
import { version } from "../model/version.ts";
import type { Engines } from "../stack/engines.ts";
import type { StackHandle } from "../stack/handle.ts";
import { missingError } from "../stack/missing.ts";
import { createStackHandle } from "../stack/stack-handle.ts";
import type { TenureOptions } from "../stack/tenure.ts";
import { acquireLock, controlSockets } from "../state/lock.ts";
import { machineId } from "../state/machine.ts";
import { runtimeDirectory, stackKey } from "../state/runtime-dir.ts";
import { openEngines } from "./engines.ts";
import { generatedSecrets } from "./generated-secrets.ts";
import { isolateManifest, startReaper } from "./isolated.ts";
import { missingVariables, type ReadOptions, readKnownStack, readStack } from "./read-stack.ts";

export interface OpenStackOptions extends ReadOptions {
  /** Engine for containers; default: the one the docker CLI would use. Stays the caller's to close. */
  readonly engine?: Engine | undefined;
  /** Ends the opening. */
  readonly signal?: AbortSignal | undefined;
  /** What this process is to others who want the stack: "up" (default) is not taken over, "supervisor" is. */
  readonly role?: "up" | "supervisor" | undefined;
  /** Refuse with `variable-missing` before any engine is looked for. `up` refuses in any case. */
  readonly complete?: boolean | undefined;
  /**
   * For tests: a project name of its own, free host ports, and everything removed, volumes too, when the handle is
   * disposed or this process dies, even by SIGKILL (not so on an engine of the caller's own).
   */
  readonly isolated?: boolean | undefined;
}

/**
 * Opens a manifest's stack: reads it, finds the engine, changes nothing yet. Dispose the handle to end its background
 * work; the stack itself goes on. Rejects with `manifest-not-found`, `manifest-invalid`, `engine-unreachable`,
 * `engine-permission`.
 */
export async function openStack(
  source: string | Manifest,
  options: OpenStackOptions = {},
): Promise<StackHandle> {
  const environment = options.environment ?? process.env;
  const signal = options.signal ?? new AbortController().signal;
  const { manifest, stack, variables, restack } = await readForHandle(source, options);
  const missing = missingVariables(stack);
  if (options.complete === true && missing.length > 0) throw missingError(stack.project, missing);
  const engines = await openEngines(stack, { engine: options.engine, environment, signal });
  try {
    const generated = await generatedSecrets(stack);
    const handle = createStackHandle(
      {
        stack,
        restack: options.bundle === undefined && options.isolated !== true ? restack : undefined,
        whileUnheld: (project, work) => whileUnheld({ project, engines, environment }, work),
        engines,
        identity: {
          project: stack.project,
          manifestPath: stack.manifestPath,
          // Only what makes something asks for it.
          get machine() {
            return machineId();
          },
          user: String(process.getuid?.() ?? ""),
          version,
        },
        clock: systemClock,
        generated: generated.get,
        environment: definedOnly(environment),
        secrets: [...variables.secrets.values(), ...generated.values()],
        freeHostPorts: options.isolated === true,
        declaredElsewhere: new Set(manifest.resources.map(({ name }) => name)),
        actionsInFlight: actionsInFlight(),
      },
      {
        missing,
        prepare: generated.ensure,
        unheld: async () =>
          engines.container?.driver !== "memory" &&
          (await controlSockets(await runtimeDirectory(environment))).length === 0,
        tenure: () => tenureOptions(stack, engines, options.role ?? "up", environment),
        close: engines.close,
      },
    );
    return options.isolated === true
      ? isolatedHandle(handle, options.engine === undefined, environment)
      : handle;
  } catch (error) {
    await engines.close();
    throw error;
  }
}

async function readForHandle(
  source: string | Manifest,
  options: OpenStackOptions,
): ReturnType<typeof readStack> {
  if (options.isolated !== true)
    return typeof source === "string" ? readKnownStack(source, options) : readStack(source, options);
  const declared = typeof source === "string" ? await loadManifest(source) : source;
  const { manifest, project } = await isolateManifest(declared);
  return readStack(manifest, { ...options, project });
}

/** The same handle, whose disposal also takes the stack down. */
function isolatedHandle(handle: StackHandle, reap: boolean, environment: NodeJS.ProcessEnv): StackHandle {
  const { project, manifestPath, directory, resources } = handle.stack;
  const kinds = [...new Set(resources.map(({ kind }) => kind))];
  const reaper = reap ? startReaper({ project, manifestPath, directory, kinds }, environment) : undefined;
  const dispose = handle[Symbol.asyncDispose].bind(handle);
  return Object.assign(handle, {
    async [Symbol.asyncDispose]() {
      try {
        await handle.down({ volumes: true, graceMs: 0 });
      } finally {
        await dispose();
        await reaper?.[Symbol.asyncDispose]();
      }
    },
  });
}

/**
 * Starts in flight at once that an engine gains from, if it runs on this machine: on 2 cores it is as fast with 4 to 8,
 * and slower with 20 (2.5 s against 3.0 s for 20 containers, 20.10).
 */
function actionsInFlight(): number {
  return Math.min(16, 4 * availableParallelism());
}

/** The lock of a stack is per machine, engine and project. */
async function tenureOptions(
  stack: Stack,
  engines: Engines,
  role: string,
  environment: NodeJS.ProcessEnv,
): Promise<TenureOptions | undefined> {
  const engine = engines.container ?? engines.process;
  if (engine === undefined || engine.driver === "memory") return undefined;
  const [{ id }, directory] = await Promise.all([
    engine.info({ signal: new AbortController().signal }),
    runtimeDirectory(environment),
  ]);
  return {
    directory,
    key: stackKey(id, stack.project),
    holder: { pid: process.pid, role, manifest: stack.manifestPath, since: new Date().toISOString() },
  };
}

/** Does the work while it holds that project's lock, and tells whether it could: not when somebody else holds it. */
async function whileUnheld(
  of: { readonly project: string; readonly engines: Engines; readonly environment: NodeJS.ProcessEnv },
  work: () => Promise<void>,
): Promise<boolean> {
  if (of.engines.container === undefined) return false;
  const [{ id }, directory] = await Promise.all([
    of.engines.container.info({ signal: new AbortController().signal }),
    runtimeDirectory(of.environment),
  ]);
  const attempt = await acquireLock(directory, stackKey(id, of.project));
  if (attempt.type === "held") return false;
  await using _lock = attempt.lock;
  await work();
  return true;
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  const defined = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(defined);
}
