import { expect } from "vitest";
import { askEngine, callEngine } from "../bed/engine-api.ts";
import { type SocketProxy, startSocketProxy } from "../bed/socket-proxy.ts";
import { type Line, openProject, type Project, type ProjectOptions, type RunLashOptions } from "./cli.ts";
import { type EngineWatch, watchEngine } from "./engine-watch.ts";

/** A failure as `--json` prints it. */
export interface FailureLine {
  readonly code: string;
  readonly subject: string;
  readonly message: string;
  readonly evidence: string;
  readonly exitCode?: number;
  readonly logTail?: readonly string[];
  readonly details?: Readonly<Record<string, unknown>>;
  readonly holder?: Readonly<Record<string, unknown>>;
  readonly advice?: readonly { readonly text: string; readonly command?: string }[];
  readonly cause?: FailureLine;
}

/** What `--json` tells of one recovery when it is over. */
export interface ReportLine {
  readonly operation: string;
  readonly detected: FailureLine;
  readonly repair?: {
    readonly name: string;
    readonly what: string;
    readonly safe: string;
    readonly outcome: string;
  };
  readonly because?: string;
  readonly retry?: { readonly outcome: string; readonly tookMs: number };
  readonly outcome: "recovered" | "gave-up";
  readonly failure?: FailureLine;
}

/** An `up` that ended with an error. */
export interface FailedUp {
  readonly code: number;
  /** Of the error document, the last line. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null };
  /** The one that came first; an engine that cannot be reached leaves none. */
  readonly failure: FailureLine;
  readonly failures: readonly FailureLine[];
  readonly lines: readonly Line[];
  /** How its recovery ended, by the last event of it; undefined when nothing was there to recover. */
  readonly report: ReportLine | undefined;
  /** The reports in the error document. */
  readonly recoveries: readonly ReportLine[];
}

/** An `up` that worked after one recovery. */
export interface RecoveredUp {
  readonly report: ReportLine;
  readonly lines: readonly Line[];
}

/** Types of the events of a recovery, in order, as far as they were told. */
export const toldWhen = {
  refused: ["failure_detected", "recovery_ended"],
  repairedInVain: ["failure_detected", "repair_started", "repair_applied", "recovery_ended"],
  recovered: ["failure_detected", "repair_started", "repair_applied", "recovered"],
} as const;

/** What was asked of the engine, whether it worked or not. */
export interface Attempts {
  readonly pulls: number;
  readonly creates: number;
  readonly starts: number;
}

/** A project on an engine behind a counting proxy, and everything else on that engine under watch. */
export interface Scene extends AsyncDisposable {
  readonly project: Project;
  readonly proxy: SocketProxy;
  /** `lash up -d --json` that must fail with this exit code, leave nothing of ours, and change nothing of others. */
  failedUp(options?: FailedUpOptions): Promise<FailedUp>;
  /** The same that must work, after exactly one recovery. */
  recoveredUp(options?: RecoveredUpOptions): Promise<RecoveredUp>;
  attempts(): Attempts;
  /** Takes the picture of what is foreign anew: call it after making something on purpose. */
  watchAgain(): Promise<void>;
}

export interface FailedUpOptions extends RunLashOptions {
  /** More arguments. */
  readonly more?: readonly string[];
  /** Default 1. */
  readonly exitCode?: number;
  /** What is ours and stays, by name: what the test made with our labels. */
  readonly left?: readonly string[];
  /** Events of the recovery. Default: it is refused. */
  readonly told?: readonly string[];
}

export interface RecoveredUpOptions extends RunLashOptions {
  /** What the repair may change of others, a pattern for each line of the watch. */
  readonly changes?: RegExp;
}

export interface SceneOptions extends ProjectOptions {
  readonly socket: string;
  /** Names of what is foreign, on an engine that other tests use too. */
  readonly only?: readonly string[];
}

export async function openScene(options: SceneOptions): Promise<Scene> {
  const proxy = await startSocketProxy({ target: options.socket });
  const project = await openProject({ ...options, socket: proxy.socket });
  const watched = { project: project.name, ...(options.only === undefined ? {} : { only: options.only }) };
  let watch: EngineWatch = await watchEngine(options.socket, watched);
  const posts = (path: string | RegExp): number => proxy.count({ method: "POST", path });
  const scene: Scene = {
    project,
    proxy,
    attempts: () => ({
      pulls: posts("/images/create"),
      creates: posts(/^\/containers\/create\?/),
      starts: posts(/^\/containers\/[^/]+\/start/),
    }),
    async failedUp({ exitCode = 1, left = [], told = toldWhen.refused, more = [], ...run } = {}) {
      proxy.reset();
      const ended = await project.ok(["up", "-d", "--json", ...more], { ...run, code: exitCode });
      const failed = readFailed(ended.code, ended.stdout);
      expect((await project.left()).toSorted(), "what is left of ours").toEqual(left.toSorted());
      expect(await watch.changes(), "what changed of others").toEqual([]);
      expectFewAttempts(proxy);
      expect(recoveryOf(failed.lines), `because ${failed.report?.because ?? ""}`).toEqual(told);
      expect(failed.recoveries.at(-1), "the error's own report").toEqual(failed.report);
      expect(failed.failure.advice ?? [], "advice").not.toEqual([]);
      return failed;
    },
    async recoveredUp({ changes, ...run } = {}) {
      proxy.reset();
      const { stdout } = await project.ok(["up", "-d", "--json"], run);
      const lines = readLines(stdout);
      const changed = await watch.changes();
      expect(
        changed.filter((line) => changes?.test(line) !== true),
        "what changed of others",
      ).toEqual([]);
      expectFewAttempts(proxy);
      expect(recoveryOf(lines)).toEqual(toldWhen.recovered);
      const report = reportOf(lines);
      expect(report).toMatchObject({
        repair: { outcome: "done" },
        retry: { outcome: "worked" },
        outcome: "recovered",
      });
      if (report === undefined) throw new Error("no report");
      return { report, lines };
    },
    async watchAgain() {
      watch = await watchEngine(options.socket, watched);
    },
    async [Symbol.asyncDispose]() {
      await project[Symbol.asyncDispose]();
      await proxy.close();
    },
  };
  return scene;
}

/** At most one retry: of a pull, and of what each container was made and started for. */
function expectFewAttempts(proxy: SocketProxy): void {
  const counts = new Map<string, number>();
  for (const { method, path } of proxy.calls) {
    const what = /^\/(?:images\/create\?|containers\/(?:create\?.*name=[^&]+|[^/]+\/start))/.exec(path)?.[0];
    if (method === "POST" && what !== undefined) counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  expect([...counts].filter(([, count]) => count > 2)).toEqual([]);
}

function recoveryOf(lines: readonly Line[]): readonly string[] {
  const types = new Set([
    "failure_detected",
    "repair_started",
    "repair_applied",
    "recovered",
    "recovery_ended",
  ]);
  return lines.flatMap(({ type = "" }) => (types.has(type) ? [type] : []));
}

function reportOf(lines: readonly Line[]): ReportLine | undefined {
  const end = lines.findLast(({ type }) => type === "recovered" || type === "recovery_ended");
  return end?.["report"] as ReportLine | undefined;
}

/** Lines of `--json` that are events, or an error at the end. */
function readLines(stdout: string): readonly Line[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

export function readFailed(code: number, stdout: string): FailedUp {
  const lines = readLines(stdout);
  const { error } = (lines.at(-1) ?? {}) as {
    error?: FailedUp["error"] & {
      data: { failures?: readonly FailureLine[]; recoveries?: readonly ReportLine[] };
    };
  };
  if (error === undefined) throw new Error(`lash up printed no error\n${stdout}`);
  const { failures = [], recoveries = [] } = error.data;
  const [failure = { code: error.code, subject: "", message: error.message, evidence: "" }] = failures;
  return { code, error, failure, failures, lines, report: reportOf(lines), recoveries };
}

/** A container that Lash did not make; it goes with `await using`. */
export interface Stranger extends AsyncDisposable {
  readonly id: string;
  readonly name: string;
}

export interface StrangerOptions {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly network?: string;
  /** Published on loopback, to port 80 inside. */
  readonly port?: number;
  readonly address?: string;
  /** Default true. */
  readonly started?: boolean;
  /** Stopped again after its start. */
  readonly ended?: boolean | undefined;
}

export async function makeStranger(socket: string, options: StrangerOptions): Promise<Stranger> {
  const {
    name,
    labels = { someone: "else" },
    network,
    port,
    address = "127.0.0.1",
    started = true,
    ended = false,
  } = options;
  const { Id: id } = await askEngine<{ Id: string }>(socket, `/containers/create?name=${name}`, {
    method: "POST",
    body: {
      Image: "lash-base:1",
      Cmd: ["open-port", "80"],
      Labels: labels,
      ExposedPorts: { "80/tcp": {} },
      HostConfig: {
        ...(network === undefined ? {} : { NetworkMode: network }),
        PortBindings: port === undefined ? {} : { "80/tcp": [{ HostIp: address, HostPort: String(port) }] },
      },
    },
  });
  const stranger: Stranger = {
    id,
    name,
    async [Symbol.asyncDispose]() {
      await callEngine(socket, `/containers/${id}?force=1`, { method: "DELETE" });
    },
  };
  try {
    if (started) await askEngine(socket, `/containers/${id}/start`, { method: "POST" });
    if (ended) await askEngine(socket, `/containers/${id}/stop?t=5`, { method: "POST" });
    return stranger;
  } catch (error) {
    await stranger[Symbol.asyncDispose]();
    throw error;
  }
}
