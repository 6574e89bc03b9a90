import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openProcessEngine } from "../../../src/drivers/process/process-engine.ts";
import type { ConformanceHarness } from "../../../src/engine/conformance/harness.ts";
import { shellCommand } from "../../../src/engine/conformance/shell.ts";

const onlyContainers = "only a container can have it; refused with engine-unsupported";
const noAbility = "the process driver has no such ability";

export const processLacks: ConformanceHarness["lacks"] = {
  "restart-policy": onlyContainers,
  health: onlyContainers,
  ports: onlyContainers,
  mounts: onlyContainers,
  "image-check": onlyContainers,
  images: noAbility,
  pull: noAbility,
  networks: noAbility,
  volumes: noAbility,
  builds: noAbility,
  snapshots: noAbility,
};

/** The harness of the process engine: behaviours are shell scripts, in a folder of their own. */
export async function processHarness(): Promise<
  Omit<ConformanceHarness, "lacks" | "signal"> & AsyncDisposable
> {
  const directory = await mkdtemp(join(tmpdir(), "lash-process-"));
  const engine = await openProcessEngine({ directory });
  return {
    engine,
    openSecond: () => openProcessEngine({ directory }),
    spec: (name, behaviour) => ({
      name,
      labels: {},
      image: "",
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      command: shellCommand(behaviour),
    }),
    command: shellCommand,
    folder: "/usr",
    image: "",
    labels: { suite: "conformance" },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}
