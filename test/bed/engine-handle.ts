import { join } from "node:path";
import { askEngine, callEngine } from "./engine-api.ts";
import { cachePart, removeCgroups, removeRunFolder, unmountBelow } from "./places.ts";
import {
  type Daemon,
  endDaemon,
  listProcesses,
  ownLine,
  type RunOptions,
  type RunResult,
  run,
  signalPid,
  startDaemon,
  tailOf,
  waitFor,
  withDescendants,
} from "./processes.ts";

/** A private engine. Whoever started it ends it, with stop() or `await using`. */
export interface Engine extends AsyncDisposable {
  readonly kind: "docker" | "podman";
  readonly socket: string;
  /** Of the engine's own process; another one after restart(). */
  readonly pid: number;
  readonly version: string;
  readonly folder: string;
  readonly logFile: string;
  /** For a Docker CLI: host, its own configuration folder, and the CLI's folder first in PATH. */
  readonly env: NodeJS.ProcessEnv;
  /** Loads the bed's images: all of them (about 1.5 s), or lash-base:1, busybox:1 and alpine:3 alone (about 0.1 s). */
  loadImages(which?: "all" | "base"): Promise<void>;
  /** Sends a signal to the engine alone. Resolves when it has ended, or at once for a signal that does not end it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends the engine if it still runs and starts it on the same folder. After SIGKILL this takes about 11 s. */
  restart(): Promise<void>;
  /** The argument list that runs a command in the engine's network namespace, where its ports are. */
  nsenterArgv(command: readonly string[]): string[];
  /** Runs a command in the engine's network namespace. */
  nsenter(command: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Removes its containers, ends it and what it left running, removes its folder. Twice: does nothing. */
  stop(): Promise<void>;
}

export interface EngineSpec {
  readonly kind: Engine["kind"];
  readonly folder: string;
  readonly socket: string;
  readonly argv: readonly string[];
  /** Of the engine's process. */
  readonly env: NodeJS.ProcessEnv;
  readonly clientEnv: NodeJS.ProcessEnv;
  /** Names of the control group directories to remove at the end, as far as they are empty. */
  readonly cgroups: readonly string[];
  readonly removeFolder: boolean;
  /** Nothing of it outlives its network and its folder, so stop() need not wait for an orderly end (1 s). */
  readonly disposable: boolean;
  /** Called before each start. */
  readonly beforeStart: () => Promise<void>;
  readonly signal?: AbortSignal;
}

/** Starts an engine, waits until it answers, and returns its handle. A failed start leaves nothing behind. */
export async function openEngine(spec: EngineSpec): Promise<Engine> {
  const logFile = join(spec.folder, "log");
  let daemon = await launch(spec, logFile);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= end(spec, daemon);
    return stopped;
  };
  const nsenterArgv = (command: readonly string[]): string[] => [
    "nsenter",
    "-t",
    String(daemon.pid),
    "-n",
    "--",
    ...command,
  ];
  try {
    await untilReady(spec, daemon, logFile);
    const { Version: version } = await askEngine<{ Version: string }>(spec.socket, "/version");
    return {
      kind: spec.kind,
      socket: spec.socket,
      get pid() {
        return daemon.pid;
      },
      version,
      folder: spec.folder,
      logFile,
      env: spec.clientEnv,
      loadImages: (which = "all") => load(spec.socket, join(cachePart("images"), `${which}.tar`)),
      async kill(signal) {
        signalPid(daemon.pid, signal);
        if (signal === "SIGKILL" || signal === "SIGTERM" || signal === "SIGINT") {
          await daemon.exited;
        }
      },
      async restart() {
        await endDaemon(daemon, { graceMs: 20_000 });
        daemon = await launch(spec, logFile);
        await untilReady(spec, daemon, logFile);
      },
      nsenterArgv,
      nsenter: (command, options) => run(nsenterArgv(command), options),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function launch(spec: EngineSpec, logFile: string): Promise<Daemon> {
  await spec.beforeStart();
  return startDaemon(spec.argv, { logFile, env: spec.env });
}

async function untilReady(spec: EngineSpec, daemon: Daemon, logFile: string): Promise<void> {
  const failed = async (why: string): Promise<string> =>
    `Cannot start ${spec.kind}: ${why}\n${await tailOf(logFile)}`;
  await waitFor(
    async () => {
      if (!daemon.isAlive()) {
        throw new Error(await failed("it ended at once"));
      }
      const answer = await callEngine(spec.socket, "/_ping", { timeoutMs: 2000 }).catch(() => undefined);
      return answer?.status === 200 ? true : undefined;
    },
    { timeoutMs: 40_000, describe: () => failed("no answer after 40 s"), signal: spec.signal },
  );
}

async function load(socket: string, tar: string): Promise<void> {
  const answer = await callEngine(socket, "/images/load?quiet=1", { method: "POST", file: tar });
  if (answer.status !== 200 || answer.text.includes('"error"')) {
    throw new Error(`Cannot load "${tar}": ${answer.status} ${answer.text.trim()}`);
  }
}

async function end(spec: EngineSpec, daemon: Daemon): Promise<void> {
  if (daemon.isAlive()) {
    signalPid(daemon.pid, "SIGCONT");
    // Otherwise the engine stops each container politely, which takes up to 10 s.
    await removeContainers(spec.socket).catch(() => undefined);
  }
  if (spec.disposable) {
    signalPid(daemon.pid, "SIGKILL");
  }
  await endDaemon(daemon, { graceMs: 15_000 });
  await endStrays(spec.folder);
  if (spec.removeFolder) {
    await removeRunFolder(spec.folder);
  } else {
    await unmountBelow(spec.folder);
  }
  await Promise.all(spec.cgroups.map(removeCgroups));
}

async function removeContainers(socket: string): Promise<void> {
  const containers = await askEngine<{ Id: string }[]>(socket, "/containers/json?all=1", { timeoutMs: 5000 });
  await Promise.all(
    containers.map(({ Id: id }) =>
      callEngine(socket, `/containers/${id}?force=1`, { method: "DELETE", timeoutMs: 10_000 }).catch(
        () => undefined,
      ),
    ),
  );
}

/** A killed engine leaves shims and containers. They are known by the engine's folder in a command line above them. */
async function endStrays(folder: string): Promise<void> {
  await waitFor(
    () => {
      const all = listProcesses();
      const own = ownLine(all);
      const roots = all.filter(({ pid, command }) => !own.has(pid) && command.includes(`${folder}/`));
      const strays = withDescendants(all, new Set(roots.map(({ pid }) => pid)));
      for (const { pid } of strays) {
        signalPid(pid, "SIGKILL");
      }
      return strays.length === 0 ? true : undefined;
    },
    { timeoutMs: 5000, describe: () => `Cannot end all processes that work in ${folder}` },
  );
}
