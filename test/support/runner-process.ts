import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endDaemon, signalPid, startDaemon, waitFor } from "../bed/processes.ts";

/** The built command, as in cli.ts. */
const cli = process.env["LASH_TEST_CLI"] ?? join(import.meta.dirname, "../../dist/cli/main.js");

/** A runner that runs. */
export interface RunnerProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Everything it logged so far, one object a line. */
  logs(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when the process has ended. */
  readonly exited: Promise<void>;
}

/** Starts `lash runner`; resolves once it listens. */
export async function startRunner(environment: Readonly<Record<string, string>>): Promise<RunnerProcess> {
  const folder = await mkdtemp(join(tmpdir(), "lash-runner-"));
  const logFile = join(folder, "log");
  const daemon = await startDaemon([process.execPath, cli, "runner"], {
    logFile,
    env: { ...process.env, DOCKER_RUNNER_PORT: "0", DOCKER_RUNNER_LOG_LEVEL: "debug", ...environment },
  });
  const stop = async (): Promise<void> => {
    await endDaemon(daemon, { graceMs: 15_000 });
    await rm(folder, { recursive: true, force: true });
  };
  const logs = async (): Promise<readonly Readonly<Record<string, unknown>>[]> =>
    (await readFile(logFile, "utf8"))
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  try {
    const url = await waitFor(
      async () => {
        if (!daemon.isAlive()) throw new Error(`the runner ended: ${await readFile(logFile, "utf8")}`);
        const line = (await logs()).find(({ msg }) => msg === "listening");
        return line === undefined ? undefined : String(line["url"]);
      },
      { timeoutMs: 15_000, describe: () => "the runner does not listen" },
    );
    return {
      url,
      pid: daemon.pid,
      logs,
      signal: (name) => void signalPid(daemon.pid, name),
      exited: daemon.exited,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
