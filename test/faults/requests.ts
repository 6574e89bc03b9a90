import { join } from "node:path";
import type { JsonObject } from "../../src/model/json.ts";
import { fuzzBytes, fuzzRoutes } from "../support/server-fuzz.ts";
import { type FaultBed, openFaultBed } from "./fault-bed.ts";
import type { Random } from "./random.ts";
import { fuzzRunnerBytes, fuzzRunnerRoutes } from "./runner-requests.ts";
import { type Serving, sharedSecret, startServing } from "./serving.ts";
import { assertNone, type OpenSuite, type Suite } from "./suite.ts";

/** Twenty runs of these are the hundred thousand. */
const requestsPerRun = 5000;

/**
 * Requests to a server and to its runner, as processes: of known routes by their schemas, and raw bytes; most are wrong
 * in one place. Nothing ends, nothing is answered with a 500, every error has a code.
 */
export const requests: Suite = {
  runs: 20,
  timeoutMs: 240_000,
  async open(): Promise<OpenSuite> {
    const bed = await openFaultBed({ socket: "/nowhere.sock", env: process.env });
    return {
      run: async ({ seed, random }) => await runRequests(bed, { seed, random, requests: requestsPerRun }),
      [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
    };
  },
};

export async function runRequests(
  bed: Pick<FaultBed, "folder" | "main" | "environment">,
  options: { readonly seed: number; readonly random: Random; readonly requests: number },
): Promise<string> {
  const { seed, random } = options;
  const part = (share: number): number => Math.ceil(options.requests * share);
  const common = { cwd: bed.folder };
  await using runner = await startServing({
    ...common,
    argv: [join(import.meta.dirname, "memory-runner.ts")],
    logFile: join(bed.folder, `requests-${seed}-runner.log`),
    env: { ...bed.environment, DOCKER_RUNNER_PORT: "0", DOCKER_RUNNER_SHARED_SECRET: sharedSecret },
  });
  await using server = await startServing({
    ...common,
    argv: [bed.main, "server", "--data", join(bed.folder, `requests-${seed}`)],
    logFile: join(bed.folder, `requests-${seed}-server.log`),
    env: {
      ...bed.environment,
      LASH_SERVER_PORT: "0",
      DOCKER_RUNNER_BASE_URL: runner.url,
      DOCKER_RUNNER_SHARED_SECRET: sharedSecret,
    },
  });
  const target = await serverTarget(server);
  const toRunner = { url: runner.url, sharedSecret, random };
  const results = [
    ["server", await fuzzRoutes(target, { requests: part(0.5), random })],
    ["server, bytes", await fuzzBytes(target, { requests: part(0.1), random })],
    ["runner", await fuzzRunnerRoutes({ ...toRunner, requests: part(0.3) })],
    ["runner, bytes", await fuzzRunnerBytes({ ...toRunner, requests: part(0.1) })],
  ] as const;
  assertNone([
    ...results.flatMap(([name, { problems }]) => problems.slice(0, 10).map((each) => `${name}: ${each}`)),
    ...(await aliveAndWell(server, "/health")),
    ...(await aliveAndWell(runner, "/v1/health")),
    ...(await internalFaults(server, runner)),
    ...results.flatMap(([name, { byStatus }]) => (name.endsWith("bytes") ? [] : reached(name, byStatus))),
  ]);
  return results.map(([name, { byStatus }]) => `${name}: ${statusText(byStatus)}`).join("; ");
}

async function serverTarget({ url }: Serving): Promise<Parameters<typeof fuzzRoutes>[0]> {
  const { hostname, port } = new URL(url);
  const response = await fetch(new URL("/api/openapi.json", url));
  for (const name of ["one", "two"]) {
    const answer = await fetch(new URL("/api/containers", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ image: "work:1", name }),
    });
    if (answer.status !== 201) throw new Error(`no container: ${answer.status} ${await answer.text()}`);
  }
  return {
    host: hostname,
    port: Number(port),
    document: (await response.json()) as JsonObject,
    texts: ["one", "two", "none", "work:1", "x", "shop", "2026-01-01T00:00:00Z", "/tmp", "linux/amd64"],
  };
}

async function aliveAndWell({ url, isAlive }: Serving, path: string): Promise<readonly string[]> {
  if (!isAlive) return [`${url} is gone`];
  const { status } = await fetch(new URL(path, url), { signal: AbortSignal.timeout(5000) });
  return status === 200 ? [] : [`${path} answers ${status}`];
}

/** A fault that was answered otherwise, or by nobody, is one too. */
async function internalFaults(server: Serving, runner: Serving): Promise<readonly string[]> {
  const ofServer = (await server.lines()).filter(
    ({ level, dependency }) => level === "fatal" || (level === "error" && dependency === undefined),
  );
  const ofRunner = (await runner.lines()).filter(({ errorCode }) => errorCode === "internal");
  return [...ofServer, ...ofRunner].slice(0, 10).map((line) => JSON.stringify(line).slice(0, 600));
}

/** Requests that are all refused at the door try nothing; those that all succeed, neither. */
function reached(name: string, byStatus: Readonly<Record<string, number>>): readonly string[] {
  const of = (from: number): number =>
    Object.entries(byStatus).reduce(
      (sum, [status, count]) => sum + (Math.floor(Number(status) / 100) === from ? count : 0),
      0,
    );
  return [2, 4].filter((hundred) => of(hundred) === 0).map((hundred) => `${name}: no ${hundred}xx at all`);
}

function statusText(byStatus: Readonly<Record<string, number>>): string {
  return Object.entries(byStatus)
    .map(([status, count]) => `${count} x ${status}`)
    .join(" ");
}
