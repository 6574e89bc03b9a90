import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import type { Manifest } from "../manifest/manifest.ts";
import type { PortBundle, ResourceKind } from "../model/stack.ts";

/** Longest project name of the manifest's grammar. */
const nameLimit = 32;

/** A manifest as a test of its own: another project name at each call, and free host ports for the named ones. */
export async function isolateManifest(
  manifest: Manifest,
): Promise<{ readonly manifest: Manifest; readonly project: string }> {
  const suffix = `-${randomBytes(4).toString("hex")}`;
  const project = `${manifest.project.name.slice(0, nameLimit - suffix.length)}${suffix}`;
  const bundles = await Promise.all(manifest.bundles.map(freeBundle));
  return { manifest: { ...manifest, bundles }, project };
}

async function freeBundle(bundle: PortBundle): Promise<PortBundle> {
  const entries = Object.keys(bundle.ports).map(async (name) => [name, await freePort()] as const);
  return { name: bundle.name, ports: Object.fromEntries(await Promise.all(entries)) };
}

/** A port that is free now; another process may take it before we use it, which then fails by name. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** What the reaper is told: enough without the manifest, which may be gone by then or need variables and profiles. */
export interface ReaperOrder {
  readonly project: string;
  readonly manifestPath: string;
  readonly directory: string;
  /** Kinds of its resources: they tell which engines to look at. */
  readonly kinds: readonly ResourceKind[];
}

/**
 * Starts a process that waits for this one to end, however it ends, and then takes the project down with its volumes.
 * Disposal calls it off: then the owner has cleaned up itself.
 */
export function startReaper(order: ReaperOrder, environment: NodeJS.ProcessEnv): AsyncDisposable {
  const own = fileURLToPath(import.meta.url);
  const script = own.replace(/isolated\.(ts|js)$/, "reaper.$1");
  const child: ChildProcess = spawn(process.execPath, [script, JSON.stringify(order)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: environment,
  });
  child.on("error", () => {});
  child.stdin?.on("error", () => {});
  child.unref();
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.pid === undefined) return;
      const exited = once(child, "exit");
      child.stdin?.end("done\n");
      await exited;
    },
  };
}
