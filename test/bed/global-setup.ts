import type { TestProject } from "vitest/node";
import { startDocker } from "./docker-engine.ts";
import type { Engine } from "./engine-handle.ts";
import {
  compareInventories,
  findStrayProcesses,
  type Inventory,
  renderProcesses,
  takeInventory,
} from "./leftovers.ts";

/** What the engine tests get. Not available: every one of them must fail with the reason, not be skipped. */
export type Bed =
  | {
      readonly available: true;
      /** Of the shared engine 20.10, with the bed's images. A test touches only what it made. */
      readonly socket: string;
      readonly version: string;
      /** For a Docker CLI on that engine. */
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly available: false; readonly reason: string };

declare module "vitest" {
  export interface ProvidedContext {
    bed: Bed;
  }
}

/** vitest's global set-up: one shared engine for the run, and at its end a check that tests left nothing. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env.LASH_BED !== "1") {
    const reason = "the test bed is not there: run `npm test`, or test/bed/enter.sh with the command";
    project.provide("bed", { available: false, reason });
    return undefined;
  }
  const engine = await startDocker({ version: "20.10", ownNetwork: false });
  try {
    await engine.loadImages();
    const before = await takeInventory(engine.socket);
    const env = Object.fromEntries(
      Object.entries(engine.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
    );
    project.provide("bed", { available: true, socket: engine.socket, version: engine.version, env });
    return () => teardown(engine, before);
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

async function teardown(engine: Engine, before: Inventory): Promise<void> {
  const found: string[] = [];
  try {
    found.push(...compareInventories(before, await takeInventory(engine.socket)));
  } catch (error) {
    found.push(`the shared engine does not answer any more: ${String(error)}`);
  }
  await engine.stop();
  found.push(...renderProcesses(await findStrayProcesses({ graceMs: 3000 })));
  if (found.length > 0) {
    process.exitCode = 1;
    throw new Error(`Tests left things behind:\n${found.map((line) => `  ${line}`).join("\n")}`);
  }
}
