import { setTimeout as sleep } from "node:timers/promises";
import { type FaultBed, type Holdings, openFaultBed, type Place } from "./fault-bed.ts";
import { assertNone, type OpenSuite, type RunContext, type Suite } from "./suite.ts";
import { shopStack, type Wanted } from "./workload.ts";

/**
 * SIGKILL of `lash up` at a random instant, from its first instruction to well after the stack is ready; every third
 * time of an `up` that recreates a running, changed stack. Then `up -d` has to give exactly what is wanted, and `down`
 * has to leave nothing but the volume.
 */
export const kill: Suite = {
  runs: 50,
  timeoutMs: 180_000,
  async open(): Promise<OpenSuite> {
    const bed = await openFaultBed();
    // What a whole `up` takes here, so that instants are spread over it.
    let upMs = 2500;
    return {
      async run(context) {
        try {
          const { did, took } = await killOnce(bed, context, upMs);
          upMs = 0.7 * upMs + 0.3 * took;
          return did;
        } finally {
          await bed.sweep();
        }
      },
      [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
    };
  },
};

async function killOnce(
  bed: FaultBed,
  { random }: RunContext,
  upMs: number,
): Promise<{ did: string; took: number }> {
  const place = await bed.place();
  const changes = random() < 1 / 3;
  const fraction = random();
  const afterMs = Math.round(fraction * 1.2 * upMs);
  if (changes) {
    await place.write(shopStack(place.project, { random, version: "old" }).manifest);
    await place.lash(["up", "-d"]);
  }
  const { manifest, wanted } = shopStack(place.project, { random, version: "new" });
  await place.write(manifest);
  const victim = place.start(["up"]);
  await sleep(afterMs);
  victim.child.kill("SIGKILL");
  await victim.ended;
  const left = await bed.holdings();
  const startedAt = performance.now();
  await place.lash(["up", "-d"]);
  const took = performance.now() - startedAt;
  const did = `killed ${changes ? "a recreation" : "a start"} after ${afterMs} ms with ${describe(left)}, up again in ${Math.round(took)} ms`;
  const volume = `${place.project}_data`;
  try {
    assertNone(compare(await bed.holdings(), place, { wanted, volume }));
    await place.lash(["down"]);
    assertNone(await compareDown(bed, [volume]));
    await place.lash(["down", "--volumes"]);
    assertNone(await compareDown(bed, []));
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(`${did}:\n${words}\nthe killed one said:\n${victim.output()}`, { cause: error });
  }
  return { did, took };
}

/** Everything that differs between what is there and what should be. */
function compare(
  now: Holdings,
  { project }: Place,
  { wanted, volume }: { wanted: Wanted; volume: string },
): string[] {
  const expected = new Map(Object.entries(wanted).map(([name, state]) => [`${project}.${name}`, state]));
  const wrong: string[] = [];
  for (const { name, state } of now.containers) {
    const should = expected.get(name);
    if (should === undefined) wrong.push(`container "${name}" (${state}) is one too many`);
    else if (should !== state) wrong.push(`container "${name}" is ${state}, not ${should}`);
    expected.delete(name);
  }
  for (const name of expected.keys()) wrong.push(`container "${name}" is missing`);
  if (now.networks.join() !== `lash-${project}`) wrong.push(`networks are ${now.networks.join(", ")}`);
  if (now.volumes.join() !== volume) wrong.push(`volumes are ${now.volumes.join(", ")}`);
  return wrong;
}

async function compareDown(bed: FaultBed, volumes: readonly string[]): Promise<string[]> {
  // The supervisor answers the `down` and ends after it.
  for (let tries = 0; tries < 30 && bed.processes().length > 0; tries += 1) await sleep(100);
  const now = await bed.holdings();
  return [
    ...now.containers.map(({ name, state }) => `container "${name}" (${state}) is left after down`),
    ...now.networks.map((name) => `network "${name}" is left after down`),
    ...bed.processes().map((command) => `process is left after down: ${command}`),
    ...(now.volumes.join() === volumes.join()
      ? []
      : [`volumes after down are "${now.volumes.join()}", not "${volumes.join()}"`]),
  ];
}

function describe({ containers, networks }: Holdings): string {
  const running = containers.filter(({ state }) => state === "running").length;
  return `${containers.length} containers (${running} running), ${networks.length} networks`;
}
