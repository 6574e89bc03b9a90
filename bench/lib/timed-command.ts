import { spawn } from "node:child_process";
import { once } from "node:events";

export interface TimedCommand {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Killed after this time, and the call rejects. */
  readonly timeoutMs: number;
  /** What it must exit with; default 0. */
  readonly exitCode?: number | undefined;
}

/** When a command was started and when it was gone, in Unix milliseconds, and what it said. */
export interface TimedResult {
  readonly startedAt: number;
  readonly exitedAt: number;
  readonly tookMs: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command without a terminal. Rejects with its words unless it exits as it must. Its end is that of the process:
 * a supervisor it leaves behind may keep the pipes open.
 */
export async function runTimed({
  argv,
  env,
  cwd,
  timeoutMs,
  exitCode = 0,
}: TimedCommand): Promise<TimedResult> {
  const [command = "", ...args] = argv;
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const startedAt = Date.now();
  const begin = performance.now();
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    const tookMs = performance.now() - begin;
    const exitedAt = Date.now();
    await drained([child.stdout, child.stderr]);
    const stdout = Buffer.concat(out).toString();
    const stderr = Buffer.concat(err).toString();
    if (code !== exitCode) {
      const how = signal === null ? `exit code ${code}` : `${signal} after ${Math.round(tookMs)} ms`;
      throw new Error(`Cannot run "${argv.join(" ")}": ${how}\n${(stderr || stdout).slice(-2000)}`);
    }
    return { startedAt, exitedAt, tookMs, stdout, stderr };
  } finally {
    clearTimeout(timer);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** What is in the pipes is read; whoever else holds them is not waited for. */
async function drained(streams: readonly NodeJS.ReadableStream[]): Promise<void> {
  const ends = Promise.all(streams.filter(({ readable }) => readable).map((stream) => once(stream, "end")));
  await Promise.race([ends, new Promise((resolve) => setTimeout(resolve, 50))]);
}
