import { count, defineCommand, flag, negation, text } from "../command.ts";
import { resourcesArgument } from "./shared.ts";

export const logsCommand = defineCommand({
  name: "logs",
  summary: "print what resources wrote",
  arguments: [resourcesArgument],
  options: {
    follow: flag("-f, --follow", "keep printing what comes"),
    tail: count("--tail <n>", 'only the last n lines of each (default: "all")'),
    since: text("--since <time>", "only from then on: a time ago (10m) or a date"),
    timestamps: flag("-t, --timestamps", "put the time before each line"),
    noPrefix: negation("--no-prefix", "do not put the resource's name before each line"),
  },
  examples: [
    { run: "lash logs -f api", does: "follow one resource" },
    { run: "lash logs --since 10m --tail 100", does: "the recent past of all" },
  ],
  json: "lines",
});
