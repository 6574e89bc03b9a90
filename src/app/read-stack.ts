import { readEnvironment } from "../manifest/environment.ts";
import { selectResources } from "../manifest/graph.ts";
import { loadManifest } from "../manifest/load.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { PositionsUnknown } from "../manifest/remembered.ts";
import { resolveStack } from "../manifest/resolve-stack.ts";
import type { Variables } from "../manifest/variables.ts";
import type { PortChoice, Stack } from "../model/stack.ts";

/** Where a stack comes from, besides its manifest. */
export interface ReadOptions {
  /** Default: this process's own. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** Must exist when named; default `.env` beside the manifest, if there is one. */
  readonly envFile?: string | undefined;
  readonly secretsFile?: string | undefined;
  /** Another project name than the manifest's. */
  readonly project?: string | undefined;
  readonly profiles?: readonly string[] | undefined;
  /** Port bundle to resolve with; default the first. */
  readonly bundle?: string | undefined;
}

/** A manifest and the stack it makes with these variables. */
export interface ReadStack {
  readonly manifest: Manifest;
  readonly stack: Stack;
  readonly variables: Variables;
  /** The same with other host ports. */
  readonly restack: (ports: PortChoice) => Stack;
}

/**
 * Reads and checks a manifest without any engine. Resources of profiles that are not active are left out. Rejects with
 * `manifest-not-found` or `manifest-invalid`, which lists every problem.
 */
export async function readStack(source: string | Manifest, options: ReadOptions = {}): Promise<ReadStack> {
  return read(typeof source === "string" ? await loadManifest(source) : source, options);
}

/** The same, faster where the manifest has not changed since it was read last. */
export async function readKnownStack(path: string, options: ReadOptions = {}): Promise<ReadStack> {
  try {
    return await read(await loadManifest(path, { remembered: true }), options);
  } catch (error) {
    // There is something to say of a place in it.
    if (error instanceof PositionsUnknown) return readStack(path, options);
    throw error;
  }
}

async function read(manifest: Manifest, options: ReadOptions): Promise<ReadStack> {
  const variables = await readEnvironment({
    manifest,
    environment: options.environment ?? process.env,
    envFile: options.envFile,
    secretsFile: options.secretsFile,
  });
  const restack = ({ bundle, moved }: PortChoice): Stack => {
    const whole = resolveStack(manifest, { variables, bundle, movedPorts: moved, project: options.project });
    return selectResources(whole, [], options.profiles ?? [], { withDependencies: true });
  };
  const stack = restack({ bundle: options.bundle, moved: new Map() });
  return { manifest, stack, variables, restack };
}

/** The variables that block an `up`, in words: "NAME" or "secret NAME". */
export function missingVariables(stack: Stack): readonly string[] {
  return stack.variables
    .filter(({ source }) => source === "missing")
    .map(({ name, scheme }) => (scheme === "env" ? name : `secret ${name}`))
    .sort();
}

/** The manifest resolved, secrets masked. */
export { describeConfig as configOf } from "../manifest/config.ts";
/** Path of the first manifest from `directory` upwards. Throws `manifest-not-found`. */
export { findManifest } from "../manifest/find.ts";
/** The dependency graph as text, Mermaid or DOT. */
export { renderGraph as graphText } from "../manifest/graph.ts";
