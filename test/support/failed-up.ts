import { appendFile } from "node:fs/promises";
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
  readonly cause?: FailureLine;
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
}

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
  /** `lash up -d --json` that must work and change nothing of others. Returns its lines. */
  workingUp(options?: RunLashOptions): Promise<readonly Line[]>;
  attempts(): Attempts;
  /** Takes the picture of what is foreign anew: call it after making something on purpose. */
  watchAgain(): Promise<void>;
}

export interface FailedUpOptions extends RunLashOptions {
  /** Default 1. */
  readonly exitCode?: number;
  /** What is ours and stays, by name: what the test made with our labels. */
  readonly left?: readonly string[];
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
    async failedUp({ exitCode = 1, left = [], ...run } = {}) {
      proxy.reset();
      const ended = await project.ok(["up", "-d", "--json"], { ...run, code: exitCode });
      const failed = readFailed(ended.code, ended.stdout);
      await record(options.socket, failed);
      expect(await project.left(), "what is left of ours").toEqual(left);
      expect(await watch.changes(), "what changed of others").toEqual([]);
      const { pulls, creates, starts } = scene.attempts();
      expect(Math.max(pulls, creates, starts), "attempts").toBeLessThanOrEqual(2);
      return failed;
    },
    async workingUp(run) {
      proxy.reset();
      const { stdout } = await project.ok(["up", "-d", "--json"], run);
      expect(await watch.changes(), "what changed of others").toEqual([]);
      return readLines(stdout);
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

/** Lines of `--json` that are events. */
function readLines(stdout: string): readonly Line[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

export function readFailed(code: number, stdout: string): FailedUp {
  const lines = readLines(stdout);
  const { error } = (lines.at(-1) ?? {}) as {
    error?: FailedUp["error"] & { data: { failures?: readonly FailureLine[] } };
  };
  if (error === undefined) throw new Error(`lash up printed no error\n${stdout}`);
  const failures = error.data.failures ?? [];
  const [failure = { code: error.code, subject: "", message: error.message, evidence: "" }] = failures;
  return { code, error, failure, failures, lines };
}

async function record(socket: string, failed: FailedUp): Promise<void> {
  const file = process.env.LASH_TEST_PROVOKED;
  if (file === undefined) return;
  const { Version: version = "?" } = await askEngine<{ Version?: string }>(socket, "/version").catch(() => ({ Version: undefined }));
  const name = expect.getState().currentTestName;
  await appendFile(file, `## ${name}\n- engine ${version}, exit ${failed.code}, error ${failed.error.code}\n${failed.failures.map((f) => "- " + JSON.stringify(f)).join("\n") || "- " + JSON.stringify(failed.error)}\n`);
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
}

export async function makeStranger(socket: string, options: StrangerOptions): Promise<Stranger> {
  const { name, labels = { someone: "else" }, network, port, address = "127.0.0.1", started = true } = options;
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
    return stranger;
  } catch (error) {
    await stranger[Symbol.asyncDispose]();
    throw error;
  }
}
