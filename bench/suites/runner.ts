import { join } from "node:path";
import { openDocker } from "../../src/drivers/docker/docker.ts";
import { unixEndpoint } from "../../src/drivers/engine-api/endpoint.ts";
import { openRunner } from "../../src/drivers/runner/open.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { ContainerSpec } from "../../src/model/container-spec.ts";
import { type Serving, sharedSecret, startServing } from "../../test/faults/serving.ts";
import { type BenchBed, baseImage } from "../lib/bench-bed.ts";
import { shuffled } from "../lib/random.ts";
import { type Sample, toRows } from "../lib/rounds.ts";
import type { Row, SuiteResult } from "../report/row.ts";
import type { SuiteContext } from "./suite.ts";

const suite = "runner";
const local = "local socket";
const through = "runner";
/** The ratio differs little, and a life is short: more runs than elsewhere make it sure. */
const fewestRuns = 15;
const logLines = 100_000;
/** How many times the local socket a runner may take. */
const targets: Readonly<Record<string, number>> = { "a container's life": 1.1, "its output": 2 };

interface Contestant {
  readonly name: string;
  readonly engine: Engine;
}

/** The same calls, of the same code, by the engine's socket and by a runner in between. */
export async function runner(context: SuiteContext): Promise<SuiteResult> {
  const { bed, random } = context;
  await using service = await startRunner(bed);
  await using docker = openDocker(unixEndpoint(bed.engine.socket));
  await using behind = openRunner({ baseUrl: service.url, sharedSecret });
  const contestants: readonly Contestant[] = [
    { name: local, engine: docker },
    { name: through, engine: behind },
  ];
  const samples: Sample[] = [];
  const runs = Math.max(fewestRuns, context.runs);
  // Made through the runner, so that both may read it.
  await using talker = await startTalker(behind);
  for (let round = 0; round <= runs; round += 1) {
    for (const { name, engine } of shuffled(contestants, random)) {
      const life = await timed(() => live(engine, `bench${process.pid}x${round}`));
      const output = await timed(() => readOutput(engine, talker.name));
      // The first round of each loads code.
      if (round === 0) continue;
      context.say(`runner ${round}/${runs} ${name}: ${life.toFixed(0)} ms, output ${output.toFixed(0)} ms`);
      const common = { round, contestant: name };
      samples.push({ ...common, subject: "a container's life", metric: "all calls", value: life });
      samples.push({ ...common, subject: "its output", metric: `${logLines} lines`, value: output });
    }
  }
  const rows = toRows(samples, { suite, unit: "ms", against: [local] }).map(withTarget);
  return {
    rows: rows.toSorted((a, b) => order(a) - order(b)),
    notes: [
      "a life: create, start, inspect, an exec with its output, logs, stop, remove, list; each call waits for the one before",
    ],
  };
}

function order({ subject, contestant }: Row): number {
  return (subject === "its output" ? 2 : 0) + (contestant === through ? 1 : 0);
}

function withTarget(row: Row): Row {
  const limit = targets[row.subject];
  const ratio = row.ratios[local];
  if (limit === undefined || ratio === undefined) return row;
  return { ...row, target: { text: `at most ${limit} x`, met: ratio <= limit } };
}

async function startRunner(bed: BenchBed): Promise<Serving> {
  const [, main = ""] = bed.lash;
  return await startServing({
    argv: [main, "runner"],
    cwd: bed.folder,
    logFile: join(bed.folder, "runner.log"),
    env: {
      ...bed.envFor(bed.engine.socket),
      DOCKER_SOCKET: bed.engine.socket,
      DOCKER_RUNNER_PORT: "0",
      DOCKER_RUNNER_SHARED_SECRET: sharedSecret,
    },
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

const { signal } = new AbortController();

function specOf(name: string, command: readonly string[]): ContainerSpec {
  return { name, image: baseImage, labels: { "lash.bench": "runner" }, env: {}, command };
}

async function live(engine: Engine, name: string): Promise<void> {
  const { id } = await engine.create(specOf(name, ["open-port", "8080"]), { signal });
  await engine.start(id, { signal });
  const facts = await engine.inspect(id, { signal });
  if (facts?.state !== "running") throw new Error(`container ${name} is ${facts?.state}`);
  await using session = await engine.exec(id, { signal, command: ["echo", "done"] });
  let said = "";
  for await (const { data } of session.output) said += Buffer.from(data).toString();
  if (said !== "done\n" || (await session.exitCode) !== 0) throw new Error(`exec said ${said}`);
  for await (const _ of engine.logs(id, { signal, follow: false })) continue;
  await engine.stop(id, { signal, graceMs: 5000 });
  await engine.remove(id, { signal });
  const left = await engine.list({ "lash.bench": "runner" }, { signal });
  if (left.some((each) => each.id === id)) throw new Error(`container ${name} is left`);
}

async function readOutput(engine: Engine, name: string): Promise<void> {
  let lines = 0;
  for await (const _ of engine.logs(name, { signal, follow: false })) lines += 1;
  if (lines !== logLines) throw new Error(`read ${lines} lines of ${logLines}`);
}

/** A container that has said as many lines of 100 characters, and ended. */
async function startTalker(engine: Engine): Promise<AsyncDisposable & { readonly name: string }> {
  const name = `bench${process.pid}talker`;
  const script = `yes ${"x".repeat(99)} | head -n ${logLines}`;
  const { id } = await engine.create(specOf(name, ["sh", "-c", script]), { signal });
  await engine.start(id, { signal });
  await engine.wait(id, { signal });
  return { name, [Symbol.asyncDispose]: async () => await engine.remove(id, { signal }) };
}
