import { defineCommand, flag } from "../command.ts";
import { graceOption } from "./shared.ts";

export const downCommand = defineCommand({
  name: "down",
  summary: "stop and remove what this project owns",
  details: "Works without a running `lash up`. What is not labelled as this project's is never touched.",
  arguments: [],
  options: {
    volumes: flag("--volumes", "also remove its volumes, and the data in them"),
    grace: graceOption,
  },
  examples: [
    { run: "lash down", does: "stop and remove, keep the volumes" },
    { run: "lash down --volumes", does: "the volumes too" },
  ],
  json: "document",
});
