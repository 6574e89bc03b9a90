import { setTimeout as sleep } from "node:timers/promises";
import { type FaultBed, openFaultBed } from "./fault-bed.ts";
import { assertNone, type OpenSuite, type RunContext, type Suite } from "./suite.ts";
import { shopStack } from "./workload.ts";

/** What a signal's end may leave running on this machine, so that a thing made a moment late is seen too. */
const settleMs = 400;
/** Grace of the one container that ignores the stop signal is 2 s; this is it and a busy machine. */
const endWithinMs = 20_000;

/**
 * SIGINT or SIGTERM at a random instant of a start, and every other time a second signal a random time later. The exit
 * code names the first; nothing may be left but the volume.
 */
export const signals: Suite = {
  runs: 20,
  timeoutMs: 90_000,
  async open(): Promise<OpenSuite> {
    const bed = await openFaultBed();
    return {
      async run(context) {
        try {
          return await interruptOnce(bed, context);
        } finally {
          await bed.sweep();
        }
      },
      [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
    };
  },
};

async function interruptOnce(bed: FaultBed, { random }: RunContext): Promise<string> {
  const place = await bed.place();
  const { manifest } = shopStack(place.project, { random, version: "1", stubborn: true });
  await place.write(manifest);
  const name = random() < 0.5 ? "SIGINT" : "SIGTERM";
  // Half of them fall where most engine calls begin.
  const afterMs = Math.round(random() * (random() < 0.5 ? 2500 : 600));
  const second =
    random() < 0.5
      ? {
          name: random() < 0.5 ? ("SIGINT" as const) : ("SIGTERM" as const),
          afterMs: Math.round(random() * 1500),
        }
      : undefined;
  const victim = place.start(["up"]);
  await sleep(afterMs);
  const startedAt = performance.now();
  victim.child.kill(name);
  const late = sleep(endWithinMs, undefined, { ref: false }).then(() => -1);
  if (second !== undefined) {
    const early = await Promise.race([victim.ended, sleep(second.afterMs).then(() => undefined)]);
    if (early === undefined) victim.child.kill(second.name);
  }
  const code = await Promise.race([victim.ended, late]);
  const took = Math.round(performance.now() - startedAt);
  await sleep(settleMs);
  const now = await bed.holdings();
  const then = second === undefined ? "" : `, ${second.name} ${second.afterMs} ms later`;
  const did = `${name} after ${afterMs} ms${then}: exit code ${code} in ${took} ms`;
  const wrong = [
    ...(code === (name === "SIGINT" ? 130 : 143) ? [] : [`exit code is ${code === -1 ? "none" : code}`]),
    ...now.containers.map(({ name: left, state }) => `container "${left}" (${state}) is left`),
    ...now.networks.map((left) => `network "${left}" is left`),
    ...bed.processes().map((command) => `process is left: ${command}`),
    ...now.volumes
      .filter((volume) => volume !== `${place.project}_data`)
      .map((volume) => `volume "${volume}" is left`),
  ];
  if (wrong.length > 0) throw new Error(`${did}\n${wrong.join("\n")}\nit said:\n${victim.output()}`);
  assertNone(wrong);
  return did;
}
