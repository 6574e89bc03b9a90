import { defineCommand, flag, list, negation, text } from "../command.ts";
import { resourceArgument } from "./shared.ts";

export const execCommand = defineCommand({
  name: "exec",
  summary: "run a command inside a running resource",
  details:
    "Standard input goes to the command; with input and output on a terminal it gets a terminal of its own. Exits with the command's exit code.",
  arguments: [
    resourceArgument,
    {
      name: "command",
      description: "the command and its arguments",
      required: true,
      variadic: true,
      complete: "none",
    },
  ],
  options: {
    noTty: negation("-T, --no-tty", "no terminal for the command"),
    interactive: flag("-i, --interactive", "pass standard input on, which is the default"),
    user: text("-u, --user <user>", "run as this user"),
    workingDir: text("-w, --workdir <path>", "run in this folder"),
    env: list("-e, --env <name=value>", "set a variable (repeatable)"),
  },
  examples: [
    { run: "lash exec db psql -U postgres", does: "an interactive session" },
    { run: "lash exec -T db pg_dump app > app.sql", does: "its output into a file" },
  ],
  json: "none",
  passThrough: true,
});
