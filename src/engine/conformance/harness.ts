import type { ContainerSpec } from "../../model/container-spec.ts";
import type { Engine } from "../engine.ts";

/** What a case needs of a driver beyond the calls that all have. */
export type Need =
  | "containers"
  | "exit-codes"
  | "stop-signal"
  | "exec"
  | "exec-stdin"
  | "long-lines"
  /** Following a container that writes faster than the engine reads. */
  | "follow-fast"
  /** What refused a start is still told by a later look. */
  | "kept-errors"
  | "restart-policy"
  /** A stop between two runs of the engine's own restarts ends them. */
  | "restart-stop"
  | "health"
  | "ports"
  | "mounts"
  | "image-check"
  | "images"
  | "pull"
  | "networks"
  | "volumes"
  | "builds"
  | "snapshots";

/** One line that a container writes. */
export interface PrintedLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** What a container of the suite does once started. */
export type Behaviour =
  /** Prints "serving", runs on, and ends at once on this signal with this code. */
  | { readonly kind: "serve"; readonly on: "SIGTERM" | "SIGUSR1"; readonly code: number }
  /** As serve, but nothing short of SIGKILL ends it. */
  | { readonly kind: "stubborn" }
  | { readonly kind: "exit"; readonly code: number; readonly afterMs: number }
  /** Writes these and ends with 0; with `unterminated`, the last line has no line end. */
  | { readonly kind: "write lines"; readonly lines: readonly PrintedLine[]; readonly unterminated: boolean }
  /** Prints "line 1" to "line <count>" on stdout, as fast as it can, then ends with 0. */
  | { readonly kind: "count"; readonly count: number }
  /** Prints "tick 1", "tick 2"... on stdout at this pace, then ends with 0. */
  | { readonly kind: "tick"; readonly everyMs: number; readonly count: number }
  /** The program does not exist: the start is refused. */
  | { readonly kind: "no program" }
  /** For each name one line: `NAME=<base64 of the value>`, or `NAME unset`. Ends with 0. */
  | { readonly kind: "print variables"; readonly names: readonly string[] }
  | { readonly kind: "print folder" }
  /** Writes a file, or prints "read: <content>" of one, or "absent"; ends with 0. Folder is where something is mounted. */
  | { readonly kind: "write file"; readonly folder: string; readonly name: string; readonly text: string }
  | { readonly kind: "read file"; readonly folder: string; readonly name: string }
  /** Runs on; the file /tmp/ready, which the case's health check looks for, appears after a while. */
  | { readonly kind: "ready later"; readonly afterMs: number };

/** What a command does that is run inside a container. */
export type CommandAction =
  | { readonly kind: "print"; readonly stdout: string; readonly stderr: string; readonly code: number }
  /** Writes its input to stdout until the input ends, then ends with 0. */
  | { readonly kind: "echo input" }
  | { readonly kind: "print variables"; readonly names: readonly string[] }
  | { readonly kind: "print folder" }
  | { readonly kind: "run on" }
  | { readonly kind: "no program" };

/** What a driver's runner gives to each case. */
export interface ConformanceHarness {
  readonly engine: Engine;
  /** Another engine object for the same engine, as another Lash would open it. The caller disposes it. */
  openSecond(): Promise<Engine>;
  /** A specification of what behaves so; the case adds labels and what else it is about. */
  spec(name: string, behaviour: Behaviour): ContainerSpec;
  /** The words of a command that acts so. */
  command(action: CommandAction): readonly string[];
  /** A folder that exists where the containers run, other than their own: for tests of working folders. */
  readonly folder: string;
  /** An image that is there, and what its containers can do with the behaviours; "" where there are none. */
  readonly image: string;
  /** References on a registry that the engine reaches: one that can be pulled, one that does not exist. */
  readonly registry?: { readonly present: string; readonly absent: string } | undefined;
  /** Put on everything the suite makes. */
  readonly labels: Readonly<Record<string, string>>;
  /** Aborts when the case's time is up. */
  readonly signal: AbortSignal;
  /** What the driver cannot do, with the reason. Cases that need it are skipped and named. */
  readonly lacks: Readonly<Partial<Record<Need, string>>>;
}

/** One thing that every driver must do alike. */
export interface ConformanceCase {
  /** Unique, a sentence. */
  readonly name: string;
  readonly needs: readonly Need[];
  /** Rejects with an AssertionError when the driver does not conform. Leaves nothing behind. */
  run(harness: ConformanceHarness): Promise<void>;
}

/** Why a case cannot be asked of a driver; undefined when it can. */
export function skipReason(
  each: ConformanceCase,
  { lacks }: Pick<ConformanceHarness, "lacks">,
): string | undefined {
  const missing = each.needs.find((need) => lacks[need] !== undefined);
  return missing === undefined ? undefined : `${missing}: ${lacks[missing]}`;
}

/** The table a runner prints at its end: what was not asked of the driver, and why. */
export function renderSkipped(
  driver: string,
  cases: readonly ConformanceCase[],
  harness: Pick<ConformanceHarness, "lacks">,
): string {
  const byReason = new Map<string, string[]>();
  for (const each of cases) {
    const reason = skipReason(each, harness);
    if (reason !== undefined) byReason.set(reason, [...(byReason.get(reason) ?? []), each.name]);
  }
  const count = [...byReason.values()].flat().length;
  const lines = [`${driver}: ${cases.length - count} of ${cases.length} cases run, ${count} skipped`];
  for (const [reason, names] of byReason) lines.push(`  ${reason}`, ...names.map((name) => `    - ${name}`));
  return lines.join("\n");
}
