import { type ErrorCode, isLashError } from "../model/errors.ts";
import { type InterruptName, interruptExitCode } from "./interrupts.ts";

/**
 * Exit code by error code: 1 the work failed, 2 the input is wrong, 3 the engine or another needed service cannot be
 * reached.
 */
export const exitCode: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  "manifest-not-found": 2,
  "manifest-invalid": 2,
  "variable-missing": 2,
  "resource-unknown": 2,
  "resource-busy": 1,
  "resource-failed": 1,
  "stop-failed": 1,
  "stack-held": 1,
  "stack-elsewhere": 1,
  "name-in-use": 1,
  leftovers: 1,
  "state-unreadable": 1,
  "state-newer": 1,
  "engine-unreachable": 3,
  "engine-permission": 3,
  "engine-api-version": 3,
  "engine-refused": 1,
  "engine-not-found": 1,
  "engine-conflict": 1,
  "engine-unsupported": 1,
  "timed-out": 1,
  cancelled: 1,
  internal: 1,
};

/** Exit code of a command that threw; an interrupt that came first wins over what it made fail. */
export function exitCodeOf(thrown: unknown, interrupt: InterruptName | undefined): number {
  if (interrupt !== undefined) return interruptExitCode[interrupt];
  return isLashError(thrown) ? exitCode[thrown.code] : 1;
}
