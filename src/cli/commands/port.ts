import { defineCommand } from "../command.ts";
import { resourceArgument } from "./shared.ts";

export const portCommand = defineCommand({
  name: "port",
  summary: "print where a resource's port is published",
  arguments: [
    resourceArgument,
    {
      name: "port",
      description: 'port inside, for example "80" or "53/udp" (default: all)',
      required: false,
      variadic: false,
      complete: "none",
    },
  ],
  options: {},
  examples: [{ run: "lash port web 80", does: "prints 127.0.0.1:8080, for example" }],
  json: "document",
});
