import { cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, startDocker } from "../../test/bed/engine.ts";
import { cachePart, makeRunFolder } from "../../test/bed/places.ts";
import { createEngineClient, type EngineClient } from "./engine-client.ts";

/** A private engine with the base images, and what every suite needs around it. */
export interface BenchBed extends AsyncDisposable {
  readonly engine: Engine;
  readonly client: EngineClient;
  /** Goes with the run. */
  readonly folder: string;
  /** Environment for a command that is to talk to `socket`; a home of its own, nothing of this machine's. */
  readonly envFor: (socket: string) => NodeJS.ProcessEnv;
  /** `docker compose` of the newer package. */
  readonly compose: readonly string[];
  /** The built command, run by this Node. */
  readonly lash: readonly string[];
}

export const root = join(import.meta.dirname, "..", "..");

/** Image of every workload: busybox and two programs for measuring. */
export const baseImage = "lash-base:1";

/** Starts the engine in the run's own network, so that container addresses are reachable, as on a user's machine. */
export async function openBenchBed(): Promise<BenchBed> {
  const folder = await makeRunFolder("b");
  const runtime = join(folder, "run");
  await mkdir(runtime, { mode: 0o700 });
  // A copy: somebody may build while this runs.
  const product = join(folder, "product");
  await cp(join(root, "dist", "cli"), join(product, "dist", "cli"), { recursive: true });
  await cp(join(root, "package.json"), join(product, "package.json"));
  await symlink(join(root, "node_modules"), join(product, "node_modules"));
  const engine = await startDocker({ version: "20.10", ownNetwork: false });
  const client = createEngineClient(engine.socket);
  try {
    await engine.loadImages("base");
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return {
    engine,
    client,
    folder,
    envFor: (socket) => ({
      PATH: process.env.PATH,
      HOME: folder,
      TMPDIR: folder,
      XDG_RUNTIME_DIR: runtime,
      DOCKER_HOST: `unix://${socket}`,
      DOCKER_CONFIG: engine.env.DOCKER_CONFIG,
    }),
    compose: [join(cachePart("engine28"), "bin", "docker"), "compose"],
    lash: [process.execPath, join(product, "dist", "cli", "main.js")],
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await engine.stop();
    },
  };
}
