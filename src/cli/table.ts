import {
  type CommandSpec,
  type Input,
  type OptionSpec,
  type OptionSpecs,
  type RawOption,
  readOptions,
} from "./command.ts";
import { completeCommand, completionCommand, superviseCommand } from "./commands/completion.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { downCommand } from "./commands/down.ts";
import { eventsCommand } from "./commands/events.ts";
import { execCommand } from "./commands/exec.ts";
import { explainCommand } from "./commands/explain.ts";
import { logsCommand } from "./commands/logs.ts";
import { configCommand, graphCommand, secretsCheckCommand, validateCommand } from "./commands/manifest.ts";
import { portCommand } from "./commands/port.ts";
import { restartCommand, startCommand, stopCommand } from "./commands/power.ts";
import { psCommand } from "./commands/ps.ts";
import { runCommand } from "./commands/run.ts";
import { runnerCommand, serverCommand } from "./commands/serving.ts";
import { upCommand } from "./commands/up.ts";
import type { Context } from "./context.ts";

/** What the parser found for one command. */
export interface RawInput {
  readonly arguments: readonly string[];
  readonly rawOf: (spec: OptionSpec) => RawOption;
}

/** A command with the way to run it. */
export interface CommandEntry {
  readonly spec: CommandSpec;
  /** Loads the body and runs it; resolves with the exit code. */
  readonly execute: (context: Context, raw: RawInput) => Promise<number>;
}

/** What a command's body file exports. */
type Action<O extends OptionSpecs> = (context: Context, input: Input<O>) => Promise<number>;

/** Groups of commands, by their first word. */
export const commandGroups: Readonly<Record<string, string>> = {
  secrets: "what the manifest needs to know",
};

/** Every command, in the order help lists them. */
export const commandTable: readonly CommandEntry[] = [
  entry(upCommand, async () => (await import("./actions/up.ts")).up),
  entry(downCommand, async () => (await import("./actions/down.ts")).down),
  entry(psCommand, async () => (await import("./actions/ps.ts")).ps),
  entry(logsCommand, async () => (await import("./actions/logs.ts")).logs),
  entry(startCommand, async () => (await import("./actions/power.ts")).start),
  entry(stopCommand, async () => (await import("./actions/power.ts")).stop),
  entry(restartCommand, async () => (await import("./actions/power.ts")).restart),
  entry(execCommand, async () => (await import("./actions/exec.ts")).exec),
  entry(runCommand, async () => (await import("./actions/run.ts")).runOnce),
  entry(portCommand, async () => (await import("./actions/port.ts")).port),
  entry(eventsCommand, async () => (await import("./actions/events.ts")).events),
  entry(validateCommand, async () => (await import("./actions/validate.ts")).validate),
  entry(configCommand, async () => (await import("./actions/config.ts")).config),
  entry(graphCommand, async () => (await import("./actions/graph.ts")).graph),
  entry(doctorCommand, async () => (await import("./actions/doctor.ts")).doctor),
  entry(secretsCheckCommand, async () => (await import("./actions/secrets-check.ts")).secretsCheck),
  entry(explainCommand, async () => (await import("./actions/explain.ts")).explain),
  entry(serverCommand, async () => (await import("./actions/serving.ts")).server),
  entry(runnerCommand, async () => (await import("./actions/serving.ts")).runner),
  entry(completionCommand, async () => (await import("./actions/completion.ts")).completion),
  entry(completeCommand, async () => (await import("./actions/complete.ts")).complete),
  entry(superviseCommand, async () => (await import("./actions/supervise.ts")).supervise),
];

function entry<O extends OptionSpecs>(spec: CommandSpec<O>, load: () => Promise<Action<O>>): CommandEntry {
  return {
    spec,
    async execute(context, raw) {
      const options = readOptions(spec.options, raw.rawOf);
      const action = await load();
      return await action(context, { arguments: raw.arguments, options });
    },
  };
}
