import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { useBed } from "../bed/bed.ts";
import { askEngine, callEngine } from "../bed/engine-api.ts";
import { listProcesses, type ProcessInfo, signalPid, waitFor } from "../bed/processes.ts";

const root = join(import.meta.dirname, "../..");
/** The built command; another build of it for whoever must not be disturbed by a rebuild. */
const cli = process.env.LASH_TEST_CLI ?? join(root, "dist/cli/main.js");

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly resource: string;
  readonly image: string;
  /** "created", "running", "exited"... */
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** One line of `--json`: an event, or an error document. */
export interface Line {
  readonly type?: string;
  readonly name?: string;
  readonly at?: string;
  readonly [key: string]: unknown;
}

export interface Ended {
  /** 128 + n for a process that died of signal n. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** A running `lash`. */
export interface Lash {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  /** Whole lines of stdout that are JSON. */
  lines(): readonly Line[];
  signal(name: NodeJS.Signals): void;
  /** The first event of that type (and name), also of the past; fails early when the process ends without it. */
  event(type: string, name?: string, options?: { readonly timeoutMs?: number }): Promise<Line>;
  /** The first match in stdout or stderr. */
  text(pattern: RegExp, options?: { readonly timeoutMs?: number }): Promise<string>;
}

export interface ProjectOptions {
  /** Without the project's name: everything from `resources:` on, or the resources themselves. */
  readonly resources?: string;
  /** Of the engine; default: the bed's shared one. */
  readonly socket?: string;
  readonly name?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Words before `lash`: what puts it into an engine's network, or makes another user of it. */
  readonly under?: readonly string[];
}

/** A folder with a manifest, an environment of its own, and what the engine has of it. Removes all of that at its end. */
export interface Project extends AsyncDisposable {
  readonly name: string;
  readonly folder: string;
  readonly socket: string;
  readonly env: NodeJS.ProcessEnv;
  write(path: string, text: string): Promise<void>;
  /** Writes lash.yml. `text` as in ProjectOptions. */
  manifest(text: string): Promise<void>;
  /** Starts `lash`. */
  start(args: readonly string[], options?: RunLashOptions): Lash;
  /** Runs `lash` to its end. */
  lash(args: readonly string[], options?: RunLashOptions): Promise<Ended>;
  /** The same; fails with its output when the exit code is another. */
  ok(args: readonly string[], options?: RunLashOptions & { readonly code?: number }): Promise<Ended>;
  containers(): Promise<readonly Container[]>;
  container(resource: string): Promise<Container>;
  inspect(resource: string): Promise<Inspected>;
  networks(): Promise<readonly string[]>;
  volumes(): Promise<readonly string[]>;
  /** Native processes that work in the folder, supervisors left out. */
  processes(): Promise<readonly number[]>;
  /** Containers and networks that carry the project's label. */
  left(): Promise<readonly string[]>;
}

export interface RunLashOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly RestartCount: number;
  readonly State: { readonly Status: string; readonly StartedAt: string; readonly ExitCode: number };
  readonly Config: {
    readonly Env: readonly string[];
    readonly Cmd: readonly string[];
    readonly WorkingDir: string;
    readonly Image: string;
    readonly Healthcheck?: { readonly Test: readonly string[] };
  };
  readonly Mounts: readonly { readonly Type: string; readonly Name?: string; readonly Destination: string }[];
  readonly NetworkSettings: {
    readonly Ports: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
    >;
  };
}

/** A web server that is ready `seconds` after its start and ends at SIGTERM. */
export function web(seconds = 0, more = ""): string {
  const ready = "ready: { tcp: 80 }";
  return `{ container: { image: "lash-base:1", command: [open-port, "80", "${seconds}"], ${more || ready} } }`;
}

export async function openProject(options: ProjectOptions = {}): Promise<Project> {
  const name = options.name ?? `t${randomBytes(4).toString("hex")}`;
  const folder = await mkdtemp(join(tmpdir(), "lash-s-"));
  const socket = options.socket ?? useBed().socket;
  const runtime = join(folder, ".run");
  await mkdir(runtime, { mode: 0o700 });
  const env = environment({
    DOCKER_HOST: `unix://${socket}`,
    XDG_RUNTIME_DIR: runtime,
    HOME: folder,
    ...options.env,
  });
  const started = new Set<ChildProcess>();
  const filter = encodeURIComponent(JSON.stringify({ label: [`lash.project=${name}`] }));

  const project: Project = {
    name,
    folder,
    socket,
    env,
    async write(path, text) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    },
    manifest: (text) => project.write("lash.yml", manifestText(name, text)),
    start(args, run = {}) {
      const [command = cli, ...words] = [...(options.under ?? []), cli, ...args];
      const child = spawn(command, words, {
        cwd: run.cwd ?? folder,
        env: { ...env, ...run.env },
        stdio: "pipe",
      });
      started.add(child);
      return followed(child, { args, input: run.input, timeoutMs: run.timeoutMs ?? 45_000 });
    },
    lash: (args, run) => project.start(args, run).ended,
    async ok(args, run) {
      const result = await project.lash(args, run);
      if (result.code !== (run?.code ?? 0)) throw new Error(`lash ${args.join(" ")}: ${describeEnd(result)}`);
      return result;
    },
    async containers() {
      const all = await askEngine<
        { Id: string; Names: string[]; Image: string; State: string; Labels: Record<string, string> }[]
      >(socket, `/containers/json?all=1&filters=${filter}`);
      return all
        .map((one) => ({
          id: one.Id,
          name: one.Names[0]?.slice(1) ?? "",
          resource: one.Labels["lash.resource"] ?? "",
          image: one.Image,
          state: one.State,
          labels: one.Labels,
        }))
        .sort((a, b) => a.name.localeCompare(b.name));
    },
    async container(resource) {
      const found = (await project.containers()).find((one) => one.resource === resource);
      if (found === undefined) throw new Error(`no container of "${resource}"`);
      return found;
    },
    inspect: (resource) => askEngine<Inspected>(socket, `/containers/${name}.${resource}/json`),
    async networks() {
      const all = await askEngine<{ Name: string }[]>(socket, `/networks?filters=${filter}`);
      return all.map((one) => one.Name);
    },
    async volumes() {
      const all = await askEngine<{ Volumes: { Name: string }[] | null }>(
        socket,
        `/volumes?filters=${filter}`,
      );
      return (all.Volumes ?? []).map((one) => one.Name).sort();
    },
    async processes() {
      const all = await processesOf(folder);
      return all.filter(({ command }) => !command.includes(`${folder}/lash.yml`)).map(({ pid }) => pid);
    },
    async left() {
      const [containers, networks] = await Promise.all([project.containers(), project.networks()]);
      return [...containers.map((one) => one.name), ...networks];
    },
    async [Symbol.asyncDispose]() {
      for (const child of started) child.kill("SIGKILL");
      await endProcesses(folder);
      await sweep(project);
      await rm(folder, { recursive: true, force: true });
    },
  };
  if (options.resources !== undefined) await project.manifest(options.resources);
  return project;
}

/** `lash down` that leaves nothing but volumes. */
export async function bringDown(project: Project, args: readonly string[] = []): Promise<void> {
  await project.ok(["down", ...args]);
  const left = await project.left();
  if (left.length > 0) throw new Error(`down left ${left.join(", ")}`);
}

/**
 * Arguments for an engine of the test's own: the shared one's containers have the same addresses otherwise, and a check
 * of a port would reach them instead. `number` is the test's.
 */
export function ownAddresses(number: number): readonly string[] {
  return [`--bip=10.${100 + number}.0.1/24`, `--default-address-pool=base=10.${100 + number}.0.0/16,size=24`];
}

/** A port nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => void server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Numbers in [0, 1) that are the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** "name status" of each resource, as `lash ps` tells it. */
export async function statuses(project: Project): Promise<readonly string[]> {
  const { stdout } = await project.ok(["ps", "--json"]);
  const listed = JSON.parse(stdout) as readonly { readonly name: string; readonly status: string }[];
  return listed.map(({ name, status }) => `${name} ${status}`);
}

function manifestText(name: string, text: string): string {
  const project = /^project:/m.test(text) ? "" : `project: { name: ${name} }\n`;
  return /^resources:/m.test(text) ? `${project}${text}\n` : `${project}resources:\n${text}\n`;
}

/** Nothing of the machine's own engines or of the test runner reaches the command. */
function environment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PATH = "", LANG = "C.UTF-8", NODE_COMPILE_CACHE } = process.env;
  return {
    PATH,
    LANG,
    NO_COLOR: "1",
    DOCKER_CONFIG: join(own["HOME"] ?? "/nowhere", ".docker"),
    NODE_COMPILE_CACHE,
    ...own,
  };
}

function followed(
  child: ChildProcess,
  run: { readonly args: readonly string[]; readonly input: string | undefined; readonly timeoutMs: number },
): Lash {
  const startedAt = performance.now();
  let stdout = "";
  let stderr = "";
  let end: Ended | undefined;
  child.stdout?.setEncoding("utf8").on("data", (text: string) => void (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => void (stderr += text));
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(run.input ?? "");
  let late = "";
  const timer = setTimeout(() => {
    late = `\n(killed by the test: no end after ${run.timeoutMs} ms)`;
    child.kill("SIGKILL");
  }, run.timeoutMs);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGKILL: 137, SIGTERM: 143 };
      end = {
        code: code ?? (signal === null ? -1 : (numbers[signal] ?? 128)),
        stdout,
        stderr: stderr + late,
        ms: performance.now() - startedAt,
      };
      resolve(end);
    });
  });
  const lines = (): readonly Line[] =>
    stdout
      .split("\n")
      .slice(0, -1)
      .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));
  const until = <T>(find: () => T | undefined, what: string, timeoutMs = 20_000): Promise<T> =>
    waitFor(
      () => {
        const over = end;
        const found = find();
        if (found === undefined && over !== undefined) {
          throw new Error(`lash ${run.args.join(" ")} ended without ${what}: ${describeEnd(over)}`);
        }
        return found;
      },
      {
        timeoutMs,
        everyMs: 5,
        describe: () =>
          `no ${what} after ${timeoutMs} ms of lash ${run.args.join(" ")}\n${stdout}\n${stderr}`,
      },
    );
  return {
    pid: child.pid ?? 0,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    ended,
    lines,
    signal: (name) => void child.kill(name),
    event: (type, name, options) =>
      until(
        () => lines().find((line) => line.type === type && (name === undefined || line.name === name)),
        `event ${type} ${name ?? ""}`,
        options?.timeoutMs,
      ),
    text: (pattern, options) =>
      until(
        () => pattern.exec(stdout)?.[0] ?? pattern.exec(stderr)?.[0],
        String(pattern),
        options?.timeoutMs,
      ),
  };
}

function describeEnd({ code, stdout, stderr }: Ended): string {
  return `exit ${code}\n${stdout.slice(-3000)}\n${stderr.slice(-3000)}`;
}

/** Supervisors in the background name the manifest; native processes work in the folder. */
async function processesOf(folder: string): Promise<readonly ProcessInfo[]> {
  const all = await Promise.all(
    listProcesses().map(async (one) => {
      const cwd = await readlink(`/proc/${one.pid}/cwd`).catch(() => "");
      return one.pid !== process.pid && (one.command.includes(folder) || cwd.startsWith(folder)) ? [one] : [];
    }),
  );
  return all.flat();
}

async function endProcesses(folder: string): Promise<void> {
  for (const { pid } of await processesOf(folder)) signalPid(pid, "SIGKILL");
}

async function sweep(project: Project): Promise<void> {
  const { socket } = project;
  const remove = (path: string) =>
    callEngine(socket, path, { method: "DELETE", timeoutMs: 15_000 }).catch(() => undefined);
  const containers = await project.containers().catch(() => []);
  await Promise.all(containers.map(({ id }) => remove(`/containers/${id}?force=1&v=1`)));
  const [networks, volumes] = await Promise.all([
    project.networks().catch(() => []),
    project.volumes().catch(() => []),
  ]);
  const images = await askEngine<{ Id: string; RepoTags: string[] | null }[]>(
    socket,
    `/images/json?filters=${encodeURIComponent(JSON.stringify({ reference: [`lash/${project.name}-*`] }))}`,
  ).catch(() => []);
  await Promise.all([
    ...networks.map((each) => remove(`/networks/${each}`)),
    ...volumes.map((each) => remove(`/volumes/${each}`)),
    ...images.flatMap(({ Id, RepoTags }) =>
      (RepoTags ?? [Id]).map((tag) => remove(`/images/${tag}?force=1`)),
    ),
  ]);
}
