import type { Clock } from "../async/clock.ts";
import type { App } from "./app.ts";
import type { CommandSpec } from "./command.ts";
import type { Globals } from "./commands/shared.ts";
import type { Output } from "./output.ts";

/** The process as commands see it. */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** This command once more, up to its own arguments: Node and the script. */
  readonly self: readonly string[];
}

/** What every command's body gets. */
export interface Context {
  readonly io: Io;
  readonly output: Output;
  readonly globals: Globals;
  readonly app: App;
  readonly clock: Clock;
  /** First interrupt: stop in good order. */
  readonly signal: AbortSignal;
  /** Second interrupt: stop at once. */
  readonly killSignal: AbortSignal;
  /** Every command there is, for completion. */
  readonly commands: readonly CommandSpec[];
}
