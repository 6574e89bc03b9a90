import { defineCommand } from "../command.ts";

export const completionCommand = defineCommand({
  name: "completion",
  summary: "print a completion script for a shell",
  arguments: [
    {
      name: "shell",
      description: "bash, zsh or fish",
      required: true,
      variadic: false,
      complete: ["bash", "zsh", "fish"],
    },
  ],
  options: {},
  examples: [
    { run: "source <(lash completion bash)", does: "in ~/.bashrc" },
    { run: "lash completion zsh > ~/.zfunc/_lash", does: "with ~/.zfunc in fpath" },
    { run: "lash completion fish > ~/.config/fish/completions/lash.fish", does: "for fish" },
  ],
  json: "none",
});

export const completeCommand = defineCommand({
  name: "__complete",
  summary: "names for shell completion",
  arguments: [
    { name: "what", description: "resources", required: true, variadic: false, complete: ["resources"] },
  ],
  options: {},
  examples: [],
  json: "none",
  hidden: true,
});

export const superviseCommand = defineCommand({
  name: "supervise",
  summary: "supervise a running stack, in the background of `lash up -d`",
  arguments: [],
  options: {},
  examples: [],
  json: "lines",
  hidden: true,
});
