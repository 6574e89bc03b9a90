import { defineCommand } from "../command.ts";
import { graceOption, resourcesArgument } from "./shared.ts";

export const startCommand = defineCommand({
  name: "start",
  summary: "start resources that are stopped",
  arguments: [resourcesArgument],
  options: {},
  examples: [{ run: "lash start api", does: "start one resource" }],
  json: "document",
});

export const stopCommand = defineCommand({
  name: "stop",
  summary: "stop resources without removing them",
  arguments: [resourcesArgument],
  options: { grace: graceOption },
  examples: [{ run: "lash stop api", does: "stop one resource" }],
  json: "document",
});

export const restartCommand = defineCommand({
  name: "restart",
  summary: "stop and start resources, their dependents untouched",
  arguments: [resourcesArgument],
  options: { grace: graceOption },
  examples: [{ run: "lash restart api worker", does: "restart two resources" }],
  json: "document",
});
