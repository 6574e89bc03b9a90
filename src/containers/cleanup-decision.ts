import { backoffMs } from "../async/backoff.ts";
import { ttlOf } from "./labels.ts";
import type { CleanupState, Entry } from "./record.ts";

/** Pause after the n-th failed removal: 2 s, 4 s... A removal that is refused now will hardly be taken at once. */
const retryPause = { firstMs: 2000, maximumMs: 900_000 };

/** When a container is unused for as long as it may be; undefined: never, or not as long as it is in use. */
export function expiryOf({ facts, lastUsedAtMs, uses }: Entry): number | undefined {
  const ttlSeconds = ttlOf(facts);
  return ttlSeconds === 0 || uses > 0 ? undefined : lastUsedAtMs + ttlSeconds * 1000;
}

/** When the clean-up has to look at a container; undefined: not as things stand. */
export function dueAt(entry: Entry): number | undefined {
  const expiresAtMs = expiryOf(entry);
  if (expiresAtMs === undefined || entry.cleanup.tag === "running") return undefined;
  return Math.max(expiresAtMs, entry.cleanup.retryAtMs);
}

/** The state after a removal that the engine refused. An engine that cannot be reached refused nothing. */
export function afterRefusal({ attempts }: CleanupState, nowMs: number): CleanupState {
  const next = attempts + 1;
  return { tag: "idle", attempts: next, retryAtMs: nowMs + backoffMs(next, retryPause) };
}
