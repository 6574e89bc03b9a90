import { choice, defineCommand } from "../command.ts";

export const validateCommand = defineCommand({
  name: "validate",
  summary: "check the manifest",
  details: "Names every problem with its place. Starts nothing and asks no engine.",
  arguments: [],
  options: {},
  examples: [
    { run: "lash validate", does: "check the manifest found from here" },
    { run: "lash -f other.yml validate", does: "check that file" },
  ],
  json: "document",
});

export const configCommand = defineCommand({
  name: "config",
  summary: "print the manifest resolved, secrets masked",
  arguments: [],
  options: {},
  examples: [{ run: "lash config", does: "as YAML" }],
  json: "document",
});

export const graphCommand = defineCommand({
  name: "graph",
  summary: "print the dependency graph",
  arguments: [],
  options: {
    format: choice("--format <format>", "text, mermaid or dot (default: text)", ["text", "mermaid", "dot"]),
  },
  examples: [
    { run: "lash graph", does: "as text" },
    { run: "lash graph --format dot | dot -Tsvg > stack.svg", does: "as a picture" },
  ],
  json: "document",
});

export const secretsCheckCommand = defineCommand({
  name: "secrets check",
  summary: "every variable the manifest needs and where it comes from",
  details: "Prints no values. Exits 2 when one is missing. Starts nothing.",
  arguments: [],
  options: {},
  examples: [{ run: "lash secrets check", does: "before the first `lash up`" }],
  json: "document",
});
