import { LashError } from "../model/errors.ts";
import { variable } from "./settings.ts";
import type { DependencyStatus } from "./status.ts";

/**
 * The error to end with when a required dependency is not there at start; undefined when the server may start: it is up,
 * or it may come later.
 */
export function failFast(status: DependencyStatus): LashError | undefined {
  if (status.optional || status.status === "up") return undefined;
  const { dependency, baseUrl, reason, lastError } = status;
  const why = lastError === undefined ? "nothing was tried yet" : `${lastError.message} (${lastError.code})`;
  return new LashError("engine-unreachable", `Cannot start without ${dependency} at ${baseUrl}: ${why}`, {
    data: { dependency, baseUrl, reason, code: lastError?.code, statusCode: lastError?.statusCode },
    hint: `Start it first, or set ${variable.optional}=true to start without it`,
  });
}
