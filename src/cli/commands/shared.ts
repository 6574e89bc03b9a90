import {
  type ArgumentSpec,
  duration,
  flag,
  list,
  negation,
  type OptionSpec,
  text,
  type Values,
} from "../command.ts";

/** Zero or more resources; none means all. */
export const resourcesArgument: ArgumentSpec = {
  name: "resource",
  description: "resources to act on (default: all)",
  required: false,
  variadic: true,
  complete: "resource",
};

/** Exactly one resource. */
export const resourceArgument: ArgumentSpec = {
  name: "resource",
  description: "the resource",
  required: true,
  variadic: false,
  complete: "resource",
};

export const graceOption: OptionSpec<number | undefined> = duration(
  "--grace <time>",
  "time between the stop signal and the kill (default: each resource's own, 10s)",
);

/** Options that every command takes, before its name and after it. */
export const globalOptions = {
  file: text("-f, --file <path>", "manifest (default: the first found from here upwards)", "file"),
  project: text("--project <name>", "project name, instead of the manifest's"),
  profiles: list("--profile <name>", "also take the resources of this profile (repeatable)"),
  envFile: text("--env-file <path>", "read variables from this file instead of .env", "file"),
  secretsFile: text("--secrets-file <path>", "read secrets from this file", "file"),
  json: flag("--json", "print JSON on standard output, and nothing else there"),
  noColor: negation("--no-color", "no colours and no redrawing"),
  verbose: flag("--verbose", "say more, with the causes of an error"),
};

export type Globals = Values<typeof globalOptions>;
