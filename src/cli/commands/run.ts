import { defineCommand } from "../command.ts";
import { resourceArgument } from "./shared.ts";

export const runCommand = defineCommand({
  name: "run",
  summary: "run a command once, in a new container of a resource",
  details: "The container is removed when the command ended. Exits with the command's exit code.",
  arguments: [
    resourceArgument,
    {
      name: "command",
      description: "the command and its arguments (default: the resource's own)",
      required: false,
      variadic: true,
      complete: "none",
    },
  ],
  options: {},
  examples: [{ run: "lash run api npm test", does: "the tests, beside the running api" }],
  json: "none",
  passThrough: true,
});
