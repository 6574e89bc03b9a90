import { defineCommand, flag } from "../command.ts";
import { resourcesArgument } from "./shared.ts";

export const psCommand = defineCommand({
  name: "ps",
  summary: "list the resources and how they are",
  arguments: [resourcesArgument],
  options: {
    running: flag("--running", "leave out what does not run"),
    all: flag("-a, --all", "everything, which is the default"),
  },
  examples: [
    { run: "lash ps", does: "a table" },
    { run: "lash ps --json", does: "the same for programs" },
  ],
  json: "document",
});
