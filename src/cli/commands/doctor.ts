import { defineCommand } from "../command.ts";

export const doctorCommand = defineCommand({
  name: "doctor",
  summary: "look for what would stop `lash up`",
  details:
    "Looks at the manifest, its variables, the engine, host ports and who has them, networks, disks, images and mounts. Starts and changes nothing. Without a manifest it looks at the engine and the machine. Exits 0 only when nothing would stop `lash up`.",
  arguments: [],
  options: {},
  examples: [
    { run: "lash doctor", does: "before the first `lash up`" },
    { run: "lash doctor --json", does: "the same for programs" },
  ],
  json: "document",
});
