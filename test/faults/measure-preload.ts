// Loaded into a process before its own code: `node --expose-gc --import measure-preload.ts`. Answers every message of its
// parent with what the process holds after a forced collection. Nothing of the product knows of it.
import { setTimeout as sleep } from "node:timers/promises";

/** What a process holds. */
export interface Holding {
  readonly heapBytes: number;
  /** What keeps its event loop alive, by kind: timers, sockets, servers. */
  readonly resources: Readonly<Record<string, number>>;
}

process.on("message", () => void measure());
// The parent's channel alone must not keep it alive.
process.channel?.unref();

async function measure(): Promise<void> {
  globalThis.gc?.();
  // What finalizers give back goes with a second one.
  await sleep(10);
  globalThis.gc?.();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const holding: Holding = { heapBytes: process.memoryUsage().heapUsed, resources };
  process.send?.(holding);
}
