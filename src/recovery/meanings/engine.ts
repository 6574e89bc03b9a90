import { type Meaning, onlyReports } from "./meaning.ts";

export const engineMeanings = {
  "engine-unreachable": {
    title: "The engine does not answer",
    means: "Nothing answers where the engine should be: it does not run, or it listens somewhere else.",
    recognised:
      "The connection is refused, its socket does not exist, or a command says `Cannot connect to the Docker daemon`, `failed to connect to the docker API` or names a pipe of Docker on Windows that is not there.",
    does: onlyReports,
    never: "Starts a service or an application, or switches to another engine or context.",
    youCan: "Start the engine, or name another one with `DOCKER_HOST`. `lash doctor` tells where Lash looks.",
  },
  "engine-permission": {
    title: "The engine's socket may not be used",
    means: "The engine runs, but this user has no access to its socket.",
    recognised:
      "Opening the socket fails with `EACCES` or `EPERM`, or a command says `permission denied while trying to connect to the Docker daemon socket` or `the docker API`; on Windows that it `must be run with elevated privileges`.",
    does: onlyReports,
    never: "Uses sudo, changes the socket's mode, or adds you to a group.",
    youCan:
      "Ask for membership in the socket's group, mostly `docker` (it amounts to root on that machine), or use a rootless engine.",
  },
  "engine-api-version": {
    title: "The engine speaks another version of the API",
    means: "The engine is older or newer than the caller can talk to.",
    recognised:
      "Status 400 with `client version ... is too new` or `is too old`, or a feature that `requires API version ...`.",
    does: "Lash itself agrees on a version with the engine before its first call, so this is mostly another command's problem. It reports it and makes no change.",
    never: "Upgrades or downgrades anything.",
    youCan:
      "Upgrade the older of the two. Lash works with Docker Engine 20.10 and newer and Podman 4.3 and newer.",
  },
  "engine-network-broken": {
    title: "The engine's networking is damaged",
    means:
      "Something on the host took away what the engine's networks rest on: a bridge is gone, or its firewall chains were flushed.",
    recognised:
      "`could not find bridge ...`, `Device does not exist` for an interface on a bridge, or `iptables failed: ... No chain/target/match by that name` or `Chain '...' does not exist`, also inside `failed programming external connectivity`.",
    does: onlyReports,
    never: "Restarts the engine, or touches bridges and firewall rules.",
    youCan:
      "Restart the engine: it makes its bridges and chains again. Containers without live-restore stop while it does. If it comes back, look for what flushes the firewall.",
  },
  "engine-wrong-host": {
    title: "The engine's host has no address",
    means: "`DOCKER_HOST` or the current context names a machine whose name cannot be resolved.",
    recognised: "`error during connect: ... dial tcp: lookup <host>: no such host`.",
    does: onlyReports,
    never: "Changes `DOCKER_HOST` or the context.",
    youCan: "Look at `DOCKER_HOST` and at `docker context ls`, and correct the name.",
  },
  "tool-missing": {
    title: "A program is missing",
    means: "A command that is needed is not installed here, or it lacks a plugin such as Compose or buildx.",
    recognised:
      "`spawn <program> ENOENT`, `<program>: command not found`, `is not recognized as an internal or external command`, `unknown command: docker compose`, `unknown shorthand flag: 'd' in -d`, or buildx or BuildKit `is missing or broken`.",
    does: "Lash talks to the engine itself and needs none of these for a stack. It reports it and makes no change.",
    never: "Installs software, or builds with the old builder what needs BuildKit.",
    youCan: "Install what is named, or use an image that is already built.",
  },
} as const satisfies Readonly<Record<string, Meaning>>;
