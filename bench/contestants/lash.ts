import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderLash } from "../graphs/render.ts";
import type { BenchBed } from "../lib/bench-bed.ts";
import { runTimed } from "../lib/timed-command.ts";
import { type Contestant, commandTimeoutMs, type Span, type Trial } from "./contestant.ts";

/** One line of `--json`. */
export interface LashEvent {
  readonly type: string;
  readonly name?: string;
  readonly at?: string;
  readonly pid?: number;
  /** Of the events that end a recovery. */
  readonly report?: {
    readonly outcome: string;
    readonly detected: { readonly code: string };
    readonly repair?: { readonly name: string } | undefined;
  };
}

/** Lash, with the events that its last `up` of a project printed. */
export interface LashContestant extends Contestant {
  readonly eventsOf: (project: string) => readonly LashEvent[];
}

export interface LashOptions {
  /** What its `up` must exit with; default 0. */
  readonly exitCode?: number;
  /** Words for Node before the command, and its environment beyond the bed's. */
  readonly nodeOptions?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** The built `lash`, as a user runs it, without a terminal. Its supervisor is ended between runs. */
export function lashContestant(bed: BenchBed, options: LashOptions = {}): LashContestant {
  const [node = "", ...command] = bed.lash;
  const events = new Map<string, readonly LashEvent[]>();
  const run = async (
    { folder, socket }: Trial,
    args: readonly string[],
    exitCode?: number,
  ): Promise<Span & { readonly stdout: string }> =>
    runTimed({
      argv: [node, ...(options.nodeOptions ?? []), ...command, "--json", ...args],
      env: { ...bed.envFor(socket), ...options.env },
      cwd: folder,
      timeoutMs: commandTimeoutMs,
      exitCode,
    });
  return {
    name: "lash",
    prepare: ({ graph, project, folder }) => writeFile(join(folder, "lash.yml"), renderLash(graph, project)),
    async up(trial) {
      const span = await run(trial, ["up", "-d"], options.exitCode);
      events.set(trial.project, parseEvents(span.stdout));
      return span;
    },
    down: (trial) => run(trial, ["down"]),
    async release({ project }) {
      for (const { type, pid } of events.get(project) ?? []) {
        if (type === "supervisor_started" && pid !== undefined) await endProcess(pid);
      }
      events.delete(project);
    },
    eventsOf: (project) => events.get(project) ?? [],
  };
}

/** The lines of `--json` that are objects; others are not ours to judge. */
function parseEvents(text: string): readonly LashEvent[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LashEvent);
}

/** A supervisor that saw its stack go has ended by itself already. */
async function endProcess(pid: number): Promise<void> {
  try {
    process.kill(pid, "SIGKILL");
    for (let tries = 0; tries < 100; tries += 1) {
      process.kill(pid, 0);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } catch {
    // No such process: that is what was wanted.
  }
}
