/** Shortest pause between two probes: a tcp probe costs under a millisecond, an exec 43 ms (engine 20.10, 2 cores). */
const shortestMs = 50;
/** Longest, however long it took so far: a person is watching. */
const longestMs = 1000;
/** Share of the time waited so far that readiness may be noticed late. */
const lateness = 0.05;

/** Pause before the next probe, never longer than the interval the manifest declares. Pure. */
export function probePeriodMs(waitedMs: number, declaredIntervalMs: number): number {
  return Math.min(
    Math.max(shortestMs, waitedMs * lateness),
    longestMs,
    Math.max(declaredIntervalMs, shortestMs),
  );
}
