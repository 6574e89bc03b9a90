import { defineCommand, duration, flag, negation } from "../command.ts";
import { graceOption, resourcesArgument } from "./shared.ts";

export const upCommand = defineCommand({
  name: "up",
  summary: "bring the stack up, follow its logs until a signal, then bring it down",
  details:
    "Starts every resource as soon as what it depends on is ready. With resources named, only these and what they need. What already runs unchanged is kept.",
  arguments: [resourcesArgument],
  options: {
    detach: flag("-d, --detach", "return once ready and leave a supervisor in the background"),
    plan: flag("--plan", "print what would be done and change nothing"),
    build: flag("--build", "build images even where they exist"),
    pull: flag("--pull", "pull images even where they exist"),
    forceRecreate: flag("--force-recreate", "recreate containers that have not changed"),
    noDependencies: negation("--no-deps", "only the named resources, not what they need"),
    removeOrphans: flag("--remove-orphans", "remove containers the manifest no longer declares"),
    keep: flag("--keep", "leave what was started when something fails"),
    adopt: flag("--adopt", "take over a stack of this project that another manifest started"),
    timeout: duration("--timeout <time>", "give up when not ready after this long"),
    grace: graceOption,
  },
  examples: [
    { run: "lash up", does: "bring everything up and stay with it" },
    { run: "lash up -d api", does: "api and what it needs, in the background" },
    { run: "lash up --plan", does: "only say what would be done" },
  ],
  json: "lines",
});
