import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Engine, openEngine } from "./engine-handle.ts";
import { assertInBed, cachePart, makeRunFolder } from "./places.ts";

export interface DockerOptions {
  /** Default "20.10". */
  readonly version?: "20.10" | "28";
  /** A folder to use and to keep, absolute and short. By default a new one that goes with the engine. */
  readonly dir?: string;
  /** More arguments for dockerd. */
  readonly args?: readonly string[];
  /** More environment for dockerd. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * A network namespace of its own, so its published ports are reached through nsenter() only. Default true: two
   * engines in one network remove each other's rules, and the bed's shared engine has the run's own.
   */
  readonly ownNetwork?: boolean;
  /** Words before dockerd: what takes a right from it, or puts it into another engine's network. */
  readonly under?: readonly string[];
  /** Where images and containers lie; default inside the folder. The caller removes it. */
  readonly dataRoot?: string;
  readonly signal?: AbortSignal;
}

/** Starts a private Docker engine, 0.2 to 0.5 s. It has no images until loadImages(). */
export async function startDocker(options: DockerOptions = {}): Promise<Engine> {
  const old = (options.version ?? "20.10") === "20.10";
  const bin = join(cachePart(old ? "engine20" : "engine28"), "bin");
  const folder = options.dir ?? (await makeRunFolder("e"));
  const socket = join(folder, "s");
  const cgroup = `${basename(assertInBed())}-${basename(folder)}`;
  // Nothing of the machine's own configuration, and no key written next to it.
  const config = join(folder, "daemon.json");
  const temporary = join(folder, "tmp");
  await mkdir(temporary, { recursive: true });
  await writeFile(config, JSON.stringify(old ? { "deprecated-key-path": join(folder, "key.json") } : {}));
  const dockerd = [
    ...(options.under ?? []),
    join(bin, "dockerd"),
    `--host=unix://${socket}`,
    `--config-file=${config}`,
    `--pidfile=${join(folder, "pid")}`,
    `--data-root=${options.dataRoot ?? join(folder, "data")}`,
    `--exec-root=${join(folder, "exec")}`,
    "--exec-opt=native.cgroupdriver=cgroupfs",
    `--cgroup-parent=/${cgroup}`,
    ...(options.args ?? []),
  ];
  const ownNetwork = options.ownNetwork ?? true;
  const removeFolder = options.dir === undefined;
  return openEngine({
    kind: "docker",
    folder,
    socket,
    argv: ownNetwork
      ? ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", ...dockerd]
      : dockerd,
    // containerd writes dumps there.
    env: { ...process.env, TMPDIR: temporary, PATH: `${bin}:${process.env.PATH ?? ""}`, ...options.env },
    clientEnv: await makeClientEnv({ folder, socket, bin, buildkit: !old }),
    cgroups: [cgroup],
    removeFolder,
    disposable: ownNetwork && removeFolder && options.dataRoot === undefined,
    // A killed engine leaves its number, which another process may have by now.
    beforeStart: () => rm(join(folder, "pid"), { force: true }),
    signal: options.signal,
  });
}

/** The environment of a Docker CLI for this socket, with a configuration folder of its own. */
export async function makeClientEnv(options: {
  readonly folder: string;
  readonly socket: string;
  readonly bin: string;
  readonly buildkit: boolean;
}): Promise<NodeJS.ProcessEnv> {
  const config = join(options.folder, "config");
  await mkdir(config, { recursive: true });
  // Compose and buildx of the newer package serve both engines, when that part is there.
  const plugins = join(options.bin, "..", "..", "engine28", "cli-plugins");
  if (existsSync(plugins) && !existsSync(join(config, "cli-plugins"))) {
    await symlink(plugins, join(config, "cli-plugins"));
  }
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${options.bin}:${process.env.PATH ?? ""}`,
    DOCKER_HOST: `unix://${options.socket}`,
    DOCKER_CONFIG: config,
    DOCKER_BUILDKIT: options.buildkit ? "1" : "0",
  };
  delete env.DOCKER_CONTEXT;
  delete env.DOCKER_TLS_VERIFY;
  delete env.DOCKER_CERT_PATH;
  delete env.DOCKER_API_VERSION;
  return env;
}
