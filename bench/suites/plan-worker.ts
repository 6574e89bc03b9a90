// Measures planning of one manifest in a process of its own: plan-worker.ts FILE RUNS. Prints one JSON object.
import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { readStack } from "../../src/app/read-stack.ts";
import { systemClock } from "../../src/async/clock.ts";
import { createMemoryEngine } from "../../src/drivers/memory/memory-engine.ts";
import { readEnvironment } from "../../src/manifest/environment.ts";
import { loadManifest } from "../../src/manifest/load.ts";
import { resolveStack } from "../../src/manifest/resolve-stack.ts";
import type { Stack } from "../../src/model/stack.ts";
import { StackContext } from "../../src/stack/context.ts";
import { EventBus } from "../../src/stack/event-bus.ts";
import { renderPlan } from "../../src/stack/plan.ts";
import { planUp } from "../../src/stack/plan-up.ts";

export interface PlanTimes {
  readonly yaml: number;
  readonly load: number;
  readonly resolve: number;
  readonly plan: number;
  readonly render: number;
  readonly steps: number;
}

const [file = "", runs = "1"] = process.argv.slice(2);
const text = await readFile(file, "utf8");
await using engine = createMemoryEngine();
const times: PlanTimes[] = [];
// One before it counts: what is compared is work, not the compiler's warming up.
for (let run = 0; run <= Number(runs); run += 1) {
  const yaml = await timed(async () => parseDocument(text, { uniqueKeys: false }).toJS() as unknown);
  const load = await timed(() => loadManifest(file));
  const variables = await readEnvironment({ manifest: load.value, environment: {} });
  const resolve = await timed(async () => resolveStack(load.value, { variables }));
  const { stack } = await readStack(load.value, { environment: {} });
  const context = openContext(stack);
  const plan = await timed(async () =>
    planUp({
      context,
      observation: { containers: [], network: undefined, volumes: [] },
      resources: stack.resources,
      images: new Map(),
      options: { build: false, pull: false, forceRecreate: false },
    }),
  );
  const render = await timed(async () => renderPlan(plan.value));
  if (run === 0) continue;
  times.push({
    yaml: yaml.ms,
    load: load.ms,
    resolve: resolve.ms,
    plan: plan.ms,
    render: render.ms,
    steps: plan.value.steps.length,
  });
}
process.stdout.write(JSON.stringify(times));

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const begin = performance.now();
  const value = await work();
  return { value, ms: performance.now() - begin };
}

function openContext(stack: Stack): StackContext {
  const identity = {
    project: stack.project,
    manifestPath: stack.manifestPath,
    machine: "bench",
    user: "",
    version: "0",
  };
  return new StackContext(
    {
      stack,
      engines: { container: engine, process: undefined },
      identity,
      clock: systemClock,
      generated: () => "generated",
      environment: {},
      secrets: [],
      freeHostPorts: false,
    },
    new EventBus(stack.project, systemClock),
  );
}
