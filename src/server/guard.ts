import type { ServerDependency } from "../app/types.ts";
import { ApiError } from "./errors.ts";

/** What stands in the answer, exactly. */
const notReady = {
  "docker-runner": ["docker_runner_not_ready", "docker-runner not ready"],
  engine: ["engine_not_ready", "engine not ready"],
} as const;

/** The answer while the engine is away. */
export function notReadyError(dependency: ServerDependency): ApiError {
  const [code, message] = notReady[dependency.name];
  return new ApiError(code, message, {
    headers: { "retry-after": String(dependency.retryAfterSeconds()) },
  });
}

/** Passes while the engine is there, or is back within the moment that is waited for it. Anything else is refused. */
export async function guard(dependency: ServerDependency, signal: AbortSignal): Promise<void> {
  if (dependency.isUp) return;
  let isUp = false;
  try {
    isUp = await dependency.demand({ signal });
  } catch {
    // Whatever it is that failed there: nothing passes that is not known to be ready.
  }
  if (!isUp) throw notReadyError(dependency);
}
