import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { askEngine, callEngine, type Engine, startDocker } from "../bed/engine.ts";
import { makeRunFolder } from "../bed/places.ts";
import { listProcesses, waitFor } from "../bed/processes.ts";

/** A `lash` that runs, and what it said. */
export interface LashRun {
  readonly child: ChildProcess;
  /** Exit code; 128 + n when signal n ended it. */
  readonly ended: Promise<number>;
  output(): string;
}

/** One stack in a folder of its own. */
export interface Place {
  readonly project: string;
  readonly folder: string;
  write(manifest: unknown): Promise<void>;
  start(args: readonly string[]): LashRun;
  /** Runs to the end; throws with its words unless it exits with 0. */
  lash(args: readonly string[]): Promise<void>;
}

/** What an engine has that is not its own. */
export interface Holdings {
  readonly containers: readonly { readonly name: string; readonly state: string; readonly image: string }[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
}

/** A private engine with the base images and the built command. */
export interface FaultBed extends AsyncDisposable {
  readonly socket: string;
  /** The built command's own file. */
  readonly main: string;
  /** For processes of the run. */
  readonly environment: NodeJS.ProcessEnv;
  /** Goes with the run. */
  readonly folder: string;
  place(): Promise<Place>;
  holdings(): Promise<Holdings>;
  /** Command lines of `lash` processes that still run. */
  processes(): readonly string[];
  /** Ends whatever a failed run left, so that the next one is judged alone. */
  sweep(): Promise<void>;
}

const commandTimeoutMs = 60_000;
const root = join(import.meta.dirname, "..", "..");

/** Inside enter.sh only. With `shared`, an engine that is there already is used and not ended. */
export async function openFaultBed(shared?: {
  readonly socket: string;
  readonly env: NodeJS.ProcessEnv;
}): Promise<FaultBed> {
  const folder = await makeRunFolder("f");
  // A copy: somebody may build while this runs.
  const product = join(folder, "product");
  await cp(join(root, "dist", "cli"), join(product, "dist", "cli"), { recursive: true });
  await cp(join(root, "package.json"), join(product, "package.json"));
  await symlink(join(root, "node_modules"), join(product, "node_modules"));
  const engine = shared === undefined ? await startBase() : undefined;
  const socket = engine?.socket ?? shared?.socket ?? "";
  const main = join(product, "dist", "cli", "main.js");
  const environment = {
    ...(engine?.env ?? shared?.env),
    HOME: folder,
    TMPDIR: folder,
    XDG_RUNTIME_DIR: folder,
    DOCKER_HOST: `unix://${socket}`,
  };
  const processes = (): ReturnType<typeof listProcesses> =>
    listProcesses().filter(({ command }) => command.includes(main));
  let places = 0;
  return {
    socket,
    main,
    environment,
    folder,
    async place() {
      places += 1;
      const project = `f${places}-${Math.random().toString(36).slice(2, 8)}`;
      const at = join(folder, project);
      await mkdir(at);
      return placeAt({ project, folder: at, main, environment });
    },
    holdings: () => holdingsOf(socket),
    processes: () => processes().map(({ command }) => command),
    async sweep() {
      for (const { pid } of processes()) process.kill(pid, "SIGKILL");
      await waitFor(() => (processes().length === 0 ? true : undefined), {
        timeoutMs: 5000,
        describe: () => "a lash survives SIGKILL",
      });
      const { containers, networks, volumes } = await holdingsOf(socket);
      const drop = async (path: string): Promise<void> =>
        void (await callEngine(socket, path, { method: "DELETE" }));
      await Promise.all(containers.map(({ name }) => drop(`/containers/${name}?force=1&v=1`)));
      await Promise.all([
        ...networks.map((name) => drop(`/networks/${name}`)),
        ...volumes.map((name) => drop(`/volumes/${name}`)),
      ]);
    },
    async [Symbol.asyncDispose]() {
      await engine?.stop();
    },
  };
}

async function startBase(): Promise<Engine> {
  const engine = await startDocker({ version: "20.10", ownNetwork: false });
  await engine.loadImages("base");
  return engine;
}

function placeAt(at: {
  project: string;
  folder: string;
  main: string;
  environment: NodeJS.ProcessEnv;
}): Place {
  const start = (args: readonly string[]): LashRun => {
    const child = spawn(process.execPath, [at.main, ...args], {
      cwd: at.folder,
      env: at.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise<number>((resolve) => {
      child.once("exit", (code, signal) => resolve(code ?? 128 + (signalNumbers[signal ?? ""] ?? 0)));
    });
    return { child, ended, output: () => Buffer.concat(chunks).toString() };
  };
  return {
    project: at.project,
    folder: at.folder,
    write: (manifest) => writeFile(join(at.folder, "lash.yml"), JSON.stringify(manifest, undefined, 2)),
    start,
    async lash(args) {
      const run = start(args);
      const timer = setTimeout(() => run.child.kill("SIGKILL"), commandTimeoutMs);
      const code = await run.ended;
      clearTimeout(timer);
      if (code !== 0) throw new Error(`lash ${args.join(" ")}: exit code ${code}\n${run.output()}`);
    },
  };
}

const signalNumbers: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

async function holdingsOf(socket: string): Promise<Holdings> {
  const [containers, networks, volumes] = await Promise.all([
    askEngine<{ Names: string[]; State: string; Image: string }[]>(socket, "/containers/json?all=1"),
    askEngine<{ Name: string }[]>(socket, "/networks"),
    askEngine<{ Volumes: { Name: string }[] | null }>(socket, "/volumes"),
  ]);
  const own = new Set(["bridge", "host", "none"]);
  return {
    containers: containers.map(({ Names: names, State: state, Image: image }) => ({
      name: names[0]?.slice(1) ?? "?",
      state,
      image,
    })),
    networks: networks.map(({ Name: name }) => name).filter((name) => !own.has(name)),
    volumes: (volumes.Volumes ?? []).map(({ Name: name }) => name),
  };
}
