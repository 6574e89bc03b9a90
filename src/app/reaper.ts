// Program of its own, started by isolated.ts: its standard input is a pipe that the owner of an isolated stack holds.
// "done" on it means that the owner cleaned up; its end without that means that the owner died.
import { text } from "node:stream/consumers";
import { systemClock } from "../async/clock.ts";
import type { Stack } from "../model/stack.ts";
import { version } from "../model/version.ts";
import { createStackHandle } from "../stack/stack-handle.ts";
import { machineId } from "../state/machine.ts";
import { openEngines } from "./engines.ts";
import type { ReaperOrder } from "./isolated.ts";

const order = JSON.parse(process.argv[2] ?? "") as ReaperOrder;
// The owner's terminal signals are not meant for us: the pipe tells when it is gone.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

if (!(await text(process.stdin)).includes("done")) await takeDown(order);

async function takeDown(given: ReaperOrder): Promise<void> {
  const { project, manifestPath } = given;
  const stack = stackOf(given);
  const signal = new AbortController().signal;
  const engines = await openEngines(stack, { engine: undefined, environment: process.env, signal });
  await using handle = createStackHandle(
    {
      stack,
      engines,
      identity: { project, manifestPath, machine: machineId(), user: "", version },
      clock: systemClock,
      generated: () => "",
      environment: {},
      freeHostPorts: true,
      secrets: [],
    },
    { tenure: async () => undefined, prepare: async () => {}, missing: [], close: engines.close },
  );
  await handle.down({ volumes: true, graceMs: 0 });
}

/** All that a `down` needs to know; the rest it reads from labels. */
function stackOf({ project, manifestPath, directory, kinds }: ReaperOrder): Stack {
  return {
    project,
    manifestPath,
    directory,
    version: undefined,
    description: undefined,
    format: "lash",
    resources: kinds.map((kind) => ({ name: kind, kind, dependsOn: [], profiles: [], declared: {} })),
    bundles: [],
    bundle: undefined,
    movedPorts: new Map(),
    recovery: { ports: "never" },
    variables: [],
  };
}
