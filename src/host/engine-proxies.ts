/**
 * Programs by which engines listen on ports of the host, as their processes are called: Docker, rootless Docker and
 * Podman, Docker Desktop, Podman machine, Lima and Colima, OrbStack, Rancher Desktop, WSL.
 */
const proxies = new Set([
  "docker-proxy",
  "dockerd",
  "rootlesskit",
  "rootlesskit-docker-proxy",
  "rootlessport",
  "rootlessport-child",
  "containers-rootlessport",
  "containers-rootlessport-child",
  "slirp4netns",
  "pasta",
  "pasta.avx2",
  "passt",
  "conmon",
  "podman",
  "gvproxy",
  "com.docker.backend",
  "com.docker.vpnkit",
  "vpnkit",
  "vpnkit-bridge",
  "limactl",
  "OrbStack Helper",
  "rancher-desktop",
  "host-switch",
  "wslrelay",
]);

/** Longest name that Linux keeps of a process. */
const commLength = 15;

/** Whether a process of this name publishes ports for an engine; the name may be cut as Linux does it. */
export function isEngineProxy(name: string): boolean {
  if (proxies.has(name)) return true;
  return name.length === commLength && [...proxies].some((each) => each.startsWith(name));
}
