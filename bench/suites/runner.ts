import { openDocker } from "../../src/drivers/docker/docker.ts";
import { unixEndpoint } from "../../src/drivers/engine-api/endpoint.ts";
import { openRunner } from "../../src/drivers/runner/open.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { startRunner } from "../../test/support/runner-process.ts";
import { baseImage } from "../lib/bench-bed.ts";
import { shuffled } from "../lib/random.ts";
import { type Sample, toRows } from "../lib/rounds.ts";
import type { Row, SuiteResult } from "../report/row.ts";
import type { SuiteContext } from "./suite.ts";

const suite = "runner";
const sharedSecret = "the secret of the benchmark";
const life = "a container's life";
const output = "100 000 lines of output";
const lines = 100_000;
/** Lives in one measurement: one alone is a third of a second, and varies by a tenth. */
const lives = 5;
/** At most so many times what the local socket takes. */
const limits: Readonly<Record<string, number>> = { [life]: 1.1, [output]: 2 };

/** What a runner in between costs, against the same engine's socket. */
export async function runner(context: SuiteContext): Promise<SuiteResult> {
  const { socket } = context.bed.engine;
  await using service = await startRunner({
    DOCKER_SOCKET: socket,
    DOCKER_RUNNER_SHARED_SECRET: sharedSecret,
    DOCKER_RUNNER_LOG_LEVEL: "info",
  });
  await using local = openDocker(unixEndpoint(socket));
  await using remote = openRunner({ baseUrl: service.url, sharedSecret });
  const { signal } = new AbortController();
  const contestants: readonly (readonly [string, Engine])[] = [
    ["socket", local],
    ["runner", remote],
  ];
  // Made through the runner, so that both may read it.
  await write(remote, signal);
  const samples: Sample[] = [];
  for (let round = 0; round <= context.runs; round += 1) {
    for (const [contestant, engine] of shuffled(contestants, context.random)) {
      const values = { [life]: await live(engine, signal), [output]: await read(engine, signal) };
      // The first round warms connections and code up.
      if (round === 0) continue;
      for (const [subject, value] of Object.entries(values)) {
        context.say(`runner ${round}/${context.runs} ${subject}: ${contestant} ${value.toFixed(0)} ms`);
        samples.push({ round, subject, contestant, metric: "whole", value });
      }
    }
  }
  await remote.remove("bench-lines", { signal });
  const rows = toRows(samples, { suite, unit: "ms", against: ["socket"] });
  return { rows: rows.map(withTarget), notes: [] };
}

function withTarget(row: Row): Row {
  const limit = limits[row.subject];
  const ratio = row.ratios["socket"];
  if (limit === undefined || ratio === undefined) return row;
  return { ...row, target: { text: `at most ${limit} times socket`, met: ratio <= limit } };
}

async function live(engine: Engine, signal: AbortSignal): Promise<number> {
  const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"];
  const name = "bench-life";
  const begun = performance.now();
  for (let count = 0; count < lives; count += 1) {
    await engine.create({ name, labels: {}, image: baseImage, env: {}, command }, { signal });
    await engine.start(name, { signal });
    await engine.inspect(name, { signal });
    await engine.stop(name, { signal, graceMs: 5000 });
    await engine.remove(name, { signal });
  }
  return (performance.now() - begun) / lives;
}

async function write(engine: Engine, signal: AbortSignal): Promise<void> {
  const text = "and some words more, as many as make a line of the usual length";
  const command = ["sh", "-c", `seq 1 ${lines} | sed 's/$/ ${text}/'`];
  const name = "bench-lines";
  await engine.create({ name, labels: {}, image: baseImage, env: {}, command }, { signal });
  await engine.start(name, { signal });
  await engine.wait(name, { signal });
}

async function read(engine: Engine, signal: AbortSignal): Promise<number> {
  const begun = performance.now();
  let count = 0;
  for await (const _ of engine.logs("bench-lines", { signal, follow: false })) count += 1;
  if (count !== lines) throw new Error(`${count} of ${lines} lines were read`);
  return performance.now() - begun;
}
