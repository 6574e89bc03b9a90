import { type Meaning, onlyReports } from "./meaning.ts";

export const manifestMeanings = {
  "variable-missing": {
    title: "A variable has no value",
    means: "The manifest needs a variable that neither the environment nor `.env` sets.",
    recognised: "When the manifest is read; from Compose `required variable <name> is missing a value`.",
    does: "Reports every missing one at once, before anything is started.",
    never: "Makes up a value.",
    youCan: "Set it in `.env` beside the manifest, or in the environment.",
  },
  "manifest-invalid": {
    title: "The manifest cannot be used",
    means: "It is no valid YAML, has unknown keys, or names what does not exist.",
    recognised:
      "When the manifest is read; from Compose texts such as `yaml: line <n>`, `additional properties ... not allowed`, `depends on undefined service`, `env file ... not found`.",
    does: "Reports each problem with its line, before anything is started.",
    never: "Corrects a manifest.",
    youCan: "Correct what is named. `lash validate` checks without starting anything.",
  },
  "dependency-failed": {
    title: "Something it depends on failed",
    means: "It was not started, because what it waits for will not become ready.",
    recognised:
      "The failure of the dependency; from Compose `dependency failed to start` or `didn't complete successfully`.",
    does: "Reports the dependency's failure first: that one may have a repair.",
    never: "Starts it without its dependency.",
    youCan: "Look at the dependency: `lash logs <resource>`.",
  },
  internal: {
    title: "Lash failed itself",
    means: "Something happened that Lash has no name for: most likely a mistake in Lash.",
    recognised: "An error that is neither the engine's nor the manifest's.",
    does: onlyReports,
    never: "Hides it.",
    youCan: "Report it, with the text and the output of `lash doctor --json`.",
  },
} as const satisfies Readonly<Record<string, Meaning>>;
