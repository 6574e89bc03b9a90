import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { waitFor } from "../bed/processes.ts";
import type { Holding } from "./measure-preload.ts";

/** Signs every request of these suites. */
export const sharedSecret = "the secret of the fault suites";

/** A `lash server` or `lash runner`, or what stands in for one. */
export interface Serving extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly isAlive: boolean;
  signal(name: NodeJS.Signals): void;
  /** Sends the signal and resolves when the process is gone. */
  end(name: NodeJS.Signals): Promise<void>;
  /** What it holds after a forced collection; only if it was started with `measured`. */
  holding(): Promise<Holding>;
  /** Sockets that it has open, by the kernel's list. */
  sockets(): number;
  /** Lines of its log so far. */
  lines(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface ServingOptions {
  /** File and arguments for Node. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly logFile: string;
  readonly measured?: boolean;
}

const preload = join(import.meta.dirname, "measure-preload.ts");
const startWithinMs = 30_000;

/** Starts a process and resolves once its log says where it listens. */
export async function startServing(options: ServingOptions): Promise<Serving> {
  const flags = options.measured === true ? ["--expose-gc", "--import", preload] : [];
  const log = openSync(options.logFile, "w");
  const child = spawn(process.execPath, [...flags, ...options.argv], {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", log, log, "ipc"],
  });
  const exited = once(child, "exit");
  closeSync(log);
  const lines = async (): ReturnType<Serving["lines"]> => parseLines(await readFile(options.logFile, "utf8"));
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const end = async (name: NodeJS.Signals): Promise<void> => {
    if (isAlive()) child.kill(name);
    await exited;
  };
  try {
    const url = await waitFor(
      async () => {
        const found = (await lines()).find((line) => typeof line["url"] === "string");
        if (found === undefined && !isAlive()) throw new Error("it ended");
        return found === undefined ? undefined : String(found["url"]);
      },
      { timeoutMs: startWithinMs, describe: () => "it does not listen" },
    );
    return servingAt(url, child, { isAlive, end, lines });
  } catch (cause) {
    await end("SIGKILL");
    const text = await readFile(options.logFile, "utf8");
    throw new Error(`Cannot start ${options.argv.join(" ")}\n${text.slice(-2000)}`, { cause });
  }
}

function servingAt(
  url: string,
  child: ChildProcess,
  parts: { readonly isAlive: () => boolean } & Pick<Serving, "end" | "lines">,
): Serving {
  const { isAlive, end, lines } = parts;
  const pid = child.pid ?? 0;
  return {
    url,
    pid,
    lines,
    end,
    get isAlive() {
      return isAlive();
    },
    signal: (name) => void child.kill(name),
    async holding() {
      const answered = once(child, "message", { signal: AbortSignal.timeout(30_000) });
      child.send("measure");
      const [holding] = (await answered) as [Holding];
      return holding;
    },
    sockets: () => socketsOf(pid),
    async [Symbol.asyncDispose]() {
      // A stopped process would not hear of its end.
      await end("SIGKILL");
    },
  };
}

function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:");
    } catch {
      // Closed between the listing and here.
      return false;
    }
  }).length;
}

/** The last line may be half there. */
function parseLines(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    try {
      return [JSON.parse(line) as Readonly<Record<string, unknown>>];
    } catch {
      return [];
    }
  });
}
