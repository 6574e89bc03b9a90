import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeClientEnv } from "./docker-engine.ts";
import { type Engine, openEngine } from "./engine-handle.ts";
import { cachePart, makeRunFolder } from "./places.ts";

export interface PodmanOptions {
  /** More environment for the service. */
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
}

/**
 * Starts a private Podman 4.3.1 service, which answers Docker's API, in network and mount namespaces of its own:
 * published ports are reached through nsenter() only. Health checks never run by themselves there.
 */
export async function startPodman(options: PodmanOptions = {}): Promise<Engine> {
  const root = join(cachePart("podman"), "root");
  const folder = await makeRunFolder("p");
  const socket = join(folder, "s");
  await writeConfiguration(folder, root);
  return openEngine({
    kind: "podman",
    folder,
    socket,
    argv: [
      "unshare",
      "--net",
      "--mount",
      "--propagation",
      "private",
      "sh",
      "-euc",
      enterScript,
      "sh",
      root,
      folder,
    ],
    env: { ...process.env, ...options.env, TMPDIR: join(folder, "tmp") },
    clientEnv: await makeClientEnv({
      folder,
      socket,
      bin: join(cachePart("engine20"), "bin"),
      buildkit: false,
    }),
    // Podman's own name for it; another one can be asked for per container only.
    cgroups: ["libpod_parent"],
    removeFolder: true,
    disposable: true,
    beforeStart: async () => undefined,
    signal: options.signal,
  });
}

/**
 * The packages are laid over /usr and /etc, read-only: conmon starts `podman container cleanup` with a clean
 * environment, so a private library path would make that fail and every wait hang.
 */
const enterScript = `
root=$1 folder=$2
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
mount -t tmpfs tmpfs /dev/shm
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$folder/etc:$root/etc:/etc" /etc
mount -t overlay overlay -o "lowerdir=/var/lib,upperdir=$folder/lib,workdir=$folder/lib-work" /var/lib
mount --bind "$folder/tmp" /var/tmp
exec podman system service --time 0 "unix://$folder/s"
`;

async function writeConfiguration(folder: string, root: string): Promise<void> {
  const containers = join(folder, "etc", "containers");
  await Promise.all(
    [
      containers,
      ...["tmp", "lib", "lib-work", "networks", "storage", "run"].map((name) => join(folder, name)),
    ].map((path) => mkdir(path, { recursive: true })),
  );
  const wrapper = join(folder, "runc-without-rlimits");
  await writeFile(wrapper, runtimeWrapper(join(root, "usr/sbin/runc")), { mode: 0o755 });
  await writeFile(join(containers, "policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  await writeFile(
    join(containers, "storage.conf"),
    `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/storage"\nrunroot = "${folder}/run"\n`,
  );
  // No static_dir, tmp_dir or volume_path: the clean-up command does not get them and would look elsewhere.
  await writeFile(
    join(containers, "containers.conf"),
    `[network]
network_backend = "netavark"
network_config_dir = "${folder}/networks"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[engine.runtimes]
runc = ["${wrapper}"]
`,
  );
}

/** Podman asks for limits above what a root without CAP_SYS_RESOURCE may set; this takes them out again. */
function runtimeWrapper(runc: string): string {
  return `#!/bin/sh
previous=
for word in "$@"; do
  file=
  case $previous in
    --bundle | -b) file=$word/config.json ;;
    --process | -p) file=$word ;;
  esac
  case $word in
    --bundle=*) file=\${word#*=}/config.json ;;
    --process=*) file=\${word#*=} ;;
  esac
  if [ -n "$file" ] && [ -f "$file" ]; then sed -i 's/"rlimits":\\[[^]]*\\]/"rlimits":[]/' "$file"; fi
  previous=$word
done
exec ${runc} "$@"
`;
}
