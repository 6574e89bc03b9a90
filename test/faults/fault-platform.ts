import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { callEngine } from "../bed/engine-api.ts";
import { waitFor } from "../bed/processes.ts";
import type { FaultBed } from "./fault-bed.ts";
import { type Serving, sharedSecret, startServing } from "./serving.ts";

/** A server whose runner stands before the real engine, both as processes, and one container of theirs. */
export interface FaultPlatform extends AsyncDisposable {
  readonly server: Serving;
  /** Its name. */
  readonly container: string;
  /** The one that was started last. */
  readonly runner: Serving;
  /** Another one at the same address. */
  startRunner(): Promise<void>;
}

let platforms = 0;

export async function openFaultPlatform(
  bed: FaultBed,
  { callTimeoutMs }: { readonly callTimeoutMs: number },
): Promise<FaultPlatform> {
  platforms += 1;
  const folder = join(bed.folder, `platform-${platforms}`);
  await mkdir(folder);
  const port = await freePort();
  await using opened = new AsyncDisposableStack();
  let runners = 0;
  const openRunner = async (owner: AsyncDisposableStack): Promise<Serving> => {
    runners += 1;
    return owner.use(
      await startServing({
        argv: [bed.main, "runner"],
        cwd: folder,
        logFile: join(folder, `runner-${runners}.log`),
        env: {
          ...bed.environment,
          DOCKER_SOCKET: bed.socket,
          DOCKER_RUNNER_PORT: String(port),
          DOCKER_RUNNER_SHARED_SECRET: sharedSecret,
          // A line for each of half a million calls is not the subject.
          DOCKER_RUNNER_LOG_LEVEL: "info",
        },
      }),
    );
  };
  let runner = await openRunner(opened);
  const server = opened.use(
    await startServing({
      argv: [bed.main, "server", "--data", join(folder, "data"), "--name", `faults-${platforms}`],
      cwd: folder,
      logFile: join(folder, "server.log"),
      measured: true,
      env: {
        ...bed.environment,
        LASH_SERVER_PORT: "0",
        DOCKER_RUNNER_BASE_URL: `http://127.0.0.1:${port}`,
        DOCKER_RUNNER_SHARED_SECRET: sharedSecret,
        DOCKER_RUNNER_TIMEOUT_MS: String(callTimeoutMs),
      },
    }),
  );
  const container = `one-${randomBytes(4).toString("hex")}`;
  // Whatever state the platform is in then.
  opened.defer(
    async () => void (await callEngine(bed.socket, `/containers/${container}?force=1`, { method: "DELETE" })),
  );
  await createOne(server.url, container);
  const parts = opened.move();
  return {
    server,
    container,
    get runner() {
      return runner;
    },
    async startRunner() {
      runner = await openRunner(parts);
    },
    [Symbol.asyncDispose]: async () => await parts.disposeAsync(),
  };
}

async function createOne(url: string, name: string): Promise<void> {
  const command = ["sh", "-c", "trap 'exit 0' TERM; echo begun; while :; do sleep 0.2; done"];
  const body = JSON.stringify({ image: "lash-base:1", name, command });
  let last = "";
  await waitFor(
    async () => {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(new URL("/api/containers", url), { method: "POST", headers, body });
      last = await answer.text();
      return answer.status === 201 ? true : undefined;
    },
    { timeoutMs: 20_000, everyMs: 200, describe: () => `no container: ${last}` },
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address !== null ? address.port : 0;
}
