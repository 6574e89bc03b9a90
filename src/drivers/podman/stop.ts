import { systemClock } from "../../async/clock.ts";
import type { StopTools } from "../engine-api/dialect.ts";

/** A container that ended longer ago is not being restarted: Podman restarts at once, without back-off. */
const settledMs = 2000;
const pauseMs = 20;

/**
 * Podman calls a container stopped that has just ended, and restarts it by its policy nevertheless (4.3.1). So the stop
 * is asked for again until it meets the container running, or the container has stayed down.
 */
export async function stopForGood({ look, ask, signal }: StopTools): Promise<void> {
  for (;;) {
    const json = await look();
    const policy = json?.HostConfig?.RestartPolicy?.Name ?? "";
    if (json === undefined || policy === "" || policy === "no") return;
    const finishedAt = Date.parse(json.State?.FinishedAt ?? "");
    if (json.State?.Status === "exited" && Date.now() - finishedAt > settledMs) return;
    await systemClock.sleep(pauseMs, { signal });
    if ((await ask()) === "changed") return;
  }
}
