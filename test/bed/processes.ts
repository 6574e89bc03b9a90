import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** What a command left behind. `code` is 128 + n for a command that died of signal n. */
export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly cwd?: string;
  /** The command is killed after this time and the call rejects. Default 30 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A process that writes its output into a file and runs until it is ended. */
export interface Daemon {
  readonly pid: number;
  readonly exited: Promise<void>;
  isAlive(): boolean;
}

/** Runs a command to its end and collects its output. Resolves for every exit code. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [command = "", ...args] = argv;
  const timeoutMs = options.timeoutMs ?? 30_000;
  const child = spawn(command, args, { env: options.env, cwd: options.cwd, stdio: "pipe" });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A command that does not read its input closes the pipe; its exit code says whether that matters.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  let stopped: string | undefined;
  const stop = (why: string): void => {
    stopped = why;
    child.kill("SIGKILL");
  };
  const timer = setTimeout(() => stop(`no end after ${timeoutMs} ms`), timeoutMs);
  const onAbort = (): void => stop("cancelled");
  options.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const code = await exitOf(child);
    if (stopped !== undefined) {
      throw new Error(`Cannot run "${argv.join(" ")}": ${stopped}`);
    }
    return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
}

/** As run(), and rejects with the command's own words unless it exits with 0. Returns its standard output. */
export async function runOrThrow(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code !== 0) {
    throw new Error(
      `Cannot run "${argv.join(" ")}": exit code ${result.code}\n${result.stderr || result.stdout}`,
    );
  }
  return result.stdout;
}

/** Starts a process in a session of its own, so that Ctrl-C in the terminal reaches the test runner alone. */
export async function startDaemon(
  argv: readonly string[],
  options: { readonly logFile: string; readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<Daemon> {
  const [command = "", ...args] = argv;
  const log = openSync(options.logFile, "a");
  try {
    const { env, cwd } = options;
    const child = spawn(command, args, { env, cwd, stdio: ["ignore", log, log], detached: true });
    let alive = true;
    const exited = exitOf(child).then(
      () => {
        alive = false;
      },
      () => {
        alive = false;
      },
    );
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    return { pid: child.pid ?? 0, exited, isAlive: () => alive };
  } finally {
    closeSync(log);
  }
}

/** Asks a daemon to end, kills it after the grace time, and waits until it is gone. Ended already: does nothing. */
export async function endDaemon(daemon: Daemon, options: { readonly graceMs: number }): Promise<void> {
  if (!daemon.isAlive()) {
    return;
  }
  // A stopped process would not see the SIGTERM.
  signalPid(daemon.pid, "SIGCONT");
  signalPid(daemon.pid, "SIGTERM");
  const timer = setTimeout(() => signalPid(daemon.pid, "SIGKILL"), options.graceMs);
  await daemon.exited;
  clearTimeout(timer);
}

/** Sends a signal to one process. Says false when there is no such process. */
export function signalPid(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Repeats `attempt` until it gives a value; rejects with `describe()` after `timeoutMs`. */
export async function waitFor<T>(
  attempt: () => Promise<T | undefined> | T | undefined,
  options: {
    readonly timeoutMs: number;
    readonly everyMs?: number;
    readonly signal?: AbortSignal;
    readonly describe: () => string | Promise<string>;
  },
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const value = await attempt();
    if (value !== undefined) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(await options.describe());
    }
    await sleep(options.everyMs ?? 20, undefined, { signal: options.signal });
  }
}

/** The last lines of a file, for error messages. */
export async function tailOf(file: string, lines = 15): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "(no log)");
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}

/** One process as the kernel shows it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Every process of this process namespace. Zombies are left out: they run nothing. */
export function listProcesses(): ProcessInfo[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
}

/** The given processes and everything that descends from them. */
export function withDescendants(all: readonly ProcessInfo[], roots: ReadonlySet<number>): ProcessInfo[] {
  const taken = new Set(roots);
  let size = -1;
  while (size !== taken.size) {
    size = taken.size;
    for (const { pid, parent } of all) {
      if (taken.has(parent)) {
        taken.add(pid);
      }
    }
  }
  return all.filter(({ pid }) => taken.has(pid));
}

/** This process and the ones that started it, up to the first of the namespace. */
export function ownLine(all: readonly ProcessInfo[]): ReadonlySet<number> {
  const line = new Set<number>([1]);
  let pid: number | undefined = process.pid;
  while (pid !== undefined && pid !== 0 && !line.has(pid)) {
    line.add(pid);
    pid = all.find((one) => one.pid === pid)?.parent;
  }
  return line;
}

function readProcess(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state = "", parent = "0"] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") {
      return undefined;
    }
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return { pid, parent: Number(parent), command: command || stat.slice(0, stat.lastIndexOf(")") + 1) };
  } catch {
    // Ended between the listing and here.
    return undefined;
  }
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve(code ?? (signal === "SIGKILL" ? 137 : 143));
    });
  });
}
