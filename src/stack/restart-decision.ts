import { backoffMs } from "../async/backoff.ts";
import type { RestartPolicy } from "../model/stack.ts";

/** Ends of one resource so far, as far as they count. */
export interface RestartHistory {
  /** Moments of past restarts, ms since the epoch, oldest first. */
  readonly restartedAtMs: readonly number[];
  /** Ends in a row, each soon after a start. */
  readonly quickEnds: number;
}

export const noRestarts: RestartHistory = { restartedAtMs: [], quickEnds: 0 };

export type RestartDecision =
  | {
      readonly action: "restart";
      readonly attempt: number;
      readonly delayMs: number;
      readonly history: RestartHistory;
    }
  | { readonly action: "leave"; readonly because: string }
  | { readonly action: "give-up"; readonly because: string };

/** The engine's own numbers (moby restartmanager): 100 ms, doubled, up to a minute; up 10 s starts anew. */
const pause = { firstMs: 100, maximumMs: 60_000 };
const steadyAfterMs = 10_000;

/** Quick ends in a row from which on a crash loop is called one. */
export const crashLoopEnds = 5;

/** Whether and when a resource that ended is started again. Pure. */
export function decideRestart(
  policy: RestartPolicy,
  history: RestartHistory,
  end: { readonly exitCode: number | undefined; readonly upMs: number; readonly nowMs: number },
): RestartDecision {
  if (policy.mode === "never") return { action: "leave", because: "its restart policy is never" };
  if (policy.mode === "on-failure" && end.exitCode === 0)
    return { action: "leave", because: "it ended with exit code 0" };
  const recent = history.restartedAtMs.filter((at) => end.nowMs - at < policy.windowMs);
  if (policy.max !== undefined && recent.length >= policy.max) {
    return {
      action: "give-up",
      because: `restarted ${recent.length} times, its policy allows ${policy.max}`,
    };
  }
  const quickEnds = end.upMs >= steadyAfterMs ? 1 : history.quickEnds + 1;
  return {
    action: "restart",
    attempt: recent.length + 1,
    delayMs: backoffMs(quickEnds, pause),
    history: { restartedAtMs: [...recent, end.nowMs], quickEnds },
  };
}
