import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderCompose } from "../graphs/render.ts";
import type { BenchBed } from "../lib/bench-bed.ts";
import { runTimed } from "../lib/timed-command.ts";
import { type Contestant, commandTimeoutMs, type Span, type Trial } from "./contestant.ts";

/** `docker compose`, as a user runs it, without a terminal and without progress. */
export function composeContestant(bed: BenchBed): Contestant {
  const run = async ({ folder, socket }: Trial, args: readonly string[]): Promise<Span> =>
    runTimed({
      argv: [...bed.compose, "--progress", "quiet", "-f", "compose.yaml", ...args],
      env: bed.envFor(socket),
      cwd: folder,
      timeoutMs: commandTimeoutMs,
    });
  return {
    name: "compose",
    prepare: ({ graph, project, folder }) =>
      writeFile(join(folder, "compose.yaml"), renderCompose(graph, project)),
    up: (trial) => run(trial, ["up", "-d"]),
    down: (trial) => run(trial, ["down"]),
    release: async () => {},
  };
}
