import { join } from "node:path";
import type { Engine } from "../engine/engine.ts";
import type { Stack } from "../model/stack.ts";
import type { Engines } from "../stack/engines.ts";
import { makeLashFolder } from "../state/lash-folder.ts";

/**
 * The engine a docker CLI in this environment would talk to. Rejects with `engine-unreachable` or `engine-permission`,
 * `data.tried` telling every place that was looked at.
 */
export async function openContainerEngine(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Engine> {
  return (await openFoundEngine(environment, signal)).engine;
}

/** The same, and where it was found. */
export async function openFoundEngine(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<{
  readonly engine: Engine;
  readonly endpoint: string;
  /** What named the endpoint: "DOCKER_HOST", `docker context "x"`; "default" when nothing did. */
  readonly source: string;
}> {
  const { findEngine } = await import("../drivers/docker/find.ts");
  const { endpoint, driver, greeting, source } = await findEngine({ env: environment, signal });
  const found = { endpoint: endpoint.text, source };
  if (driver === "podman") {
    const { openPodman } = await import("../drivers/podman/podman.ts");
    return { ...found, engine: openPodman(endpoint, { greeting, env: environment }) };
  }
  const { openDocker } = await import("../drivers/docker/docker.ts");
  return { ...found, engine: openDocker(endpoint, { greeting, env: environment }) };
}

/** Opens the engines that the stack's kinds need, and no other. An engine of the caller's own stays open at the end. */
export async function openEngines(
  stack: Stack,
  options: {
    readonly engine: Engine | undefined;
    readonly environment: NodeJS.ProcessEnv;
    readonly signal: AbortSignal;
  },
): Promise<Engines & { readonly close: () => Promise<void> }> {
  const needsContainers = stack.resources.some(({ kind }) => kind !== "process" && kind !== "external");
  const needsProcesses = stack.resources.some(({ kind }) => kind === "process");
  const { engine, environment, signal } = options;
  const own: Engine[] = [];
  const keep = (opened: Engine): Engine => {
    own.push(opened);
    return opened;
  };
  const [container, native] = await Promise.all([
    needsContainers ? (engine ?? openContainerEngine(environment, signal).then(keep)) : undefined,
    needsProcesses ? openProcesses(stack).then(keep) : undefined,
  ]);
  return {
    container,
    process: native,
    close: async () => {
      await Promise.all(own.map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

async function openProcesses(stack: Stack): Promise<Engine> {
  const { openProcessEngine } = await import("../drivers/process/process-engine.ts");
  const folder = await makeLashFolder(stack.directory);
  return openProcessEngine({ directory: join(folder, "processes") });
}
