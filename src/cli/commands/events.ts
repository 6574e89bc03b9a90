import { defineCommand } from "../command.ts";
import { resourcesArgument } from "./shared.ts";

export const eventsCommand = defineCommand({
  name: "events",
  summary: "print what happens to the stack, as it happens",
  arguments: [resourcesArgument],
  options: {},
  examples: [{ run: "lash events --json", does: "one JSON object a line" }],
  json: "lines",
});
