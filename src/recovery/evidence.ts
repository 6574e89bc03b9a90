/** What was being done when it went wrong; "unknown" for a text somebody pasted. */
export type Activity =
  | "pull"
  | "build"
  | "create"
  | "start"
  | "readiness"
  | "run"
  | "stop"
  | "network"
  | "remove"
  | "unknown";

/** What is known about something that went wrong. */
export interface Evidence {
  readonly subject: string;
  readonly during: Activity;
  /** Text of the engine or of the command that talked to it; "" when it said nothing. Never an application's output. */
  readonly text: string;
  /** What the engine keeps in the state of the container (`State.Error`): better evidence than `text`. */
  readonly stateError?: string | undefined;
  /** HTTP status of the engine's refusal. */
  readonly status?: number | undefined;
  readonly oomKilled?: boolean | undefined;
  readonly exitCode?: number | undefined;
  /** Last lines the application wrote, oldest first. */
  readonly logTail?: readonly string[] | undefined;
  /** Whether its data was there before it was started: an earlier run wrote it. */
  readonly existingData?: boolean | undefined;
}
