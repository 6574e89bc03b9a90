import { type Meaning, onlyReports } from "./meaning.ts";

export const containerMeanings = {
  "name-in-use": {
    title: "The container's name is taken",
    means: "Another container has the name.",
    recognised:
      '`Conflict. The container name "..." is already in use by container ...` (status 409), or Podman\'s `the container name "..." is already in use by ...`.',
    does: "`replace-own-container`: removes that container and tries once more, if it carries the labels of this very stack and does not run.",
    never: "Removes, stops or renames a container of somebody else, or one that runs.",
    youCan:
      "Rename or remove the container that has the name if you do not need it, or use another `--project`.",
  },
  "mount-source-missing": {
    title: "The host path of a mount does not exist",
    means: "The engine's host has no file or directory at the path that is to be mounted.",
    recognised:
      "`bind source path does not exist: <path>`, or Podman's `statfs <path>: no such file or directory`.",
    does: onlyReports,
    never: "Makes the path: an empty directory in its place would hide the mistake.",
    youCan:
      "Make the path or correct it. It is a path of the engine's host, not of this machine if they differ.",
  },
  "mount-denied": {
    title: "The host path of a mount is not shared",
    means: "Docker Desktop mounts only from directories that are shared with it, and this is none.",
    recognised: "`Mounts denied: The path <path> is not shared from the host`.",
    does: onlyReports,
    never: "Changes the settings of Docker Desktop.",
    youCan: "Share the directory in Docker Desktop under Resources, File sharing, or mount from one that is.",
  },
  "mount-type-mismatch": {
    title: "A directory is mounted on a file, or a file on a directory",
    means:
      "Mostly a file was missing when a container was first started, and the engine made an empty directory in its place.",
    recognised: "`Are you trying to mount a directory onto a file (or vice-versa)?`",
    does: onlyReports,
    never: "Deletes the directory.",
    youCan:
      "Look at the path on the engine's host; if it is an empty directory that should be a file, replace it.",
  },
  "bad-entrypoint": {
    title: "The program of the container cannot be started",
    means: "The command or entrypoint does not exist in the image, or is not executable.",
    recognised:
      '`exec: "<program>": executable file not found`, `no such file or directory` or `permission denied` from the runtime; or exit code 126 or 127 of a container that never started.',
    does: onlyReports,
    never: "Starts it with another command.",
    youCan:
      "Check `command` and `entrypoint`, the file's mode, and that a script's first line names a program of the image.",
  },
  "exec-format": {
    title: "The program is for another processor",
    means:
      "The kernel cannot run the file: it is for another architecture, or a script without a first line `#!`.",
    recognised:
      "`exec format error` from the runtime, or as the last line of the output of a container that ended with exit code 1.",
    does: onlyReports,
    never: "Installs emulation or forces a platform.",
    youCan: "Use an image for the engine's architecture, or set `platform` where emulation is installed.",
  },
  "argument-list-too-long": {
    title: "Arguments and environment are too large",
    means: "The kernel limits one argument or variable to 128 KiB and all of them together.",
    recognised:
      "`argument list too long` from the runtime, or as the last line of a container that ended with exit code 1.",
    does: onlyReports,
    never: "Shortens or drops a variable.",
    youCan: "Hand large values over in a file that is mounted.",
  },
  "out-of-memory": {
    title: "Killed for lack of memory",
    means:
      "The container reached its memory limit, or its host had no memory left, and the kernel killed it.",
    recognised:
      "The engine's word (`OOMKilled`) with exit code 137. Exit code 137 without it is a kill from outside. At the start also `cannot allocate memory`.",
    does: "Reports it. A restart policy of the resource applies as for every end.",
    never: "Raises a limit.",
    youCan:
      "Raise `memory` of the resource, or give the machine or Docker Desktop more; `docker stats` shows what is used.",
  },
  "rlimit-not-permitted": {
    title: "A resource limit may not be set",
    means:
      "The runtime is not allowed to set the limits on open files or processes that the engine or manifest asks for.",
    recognised: "`error setting rlimit type <n>: operation not permitted`.",
    does: onlyReports,
    never: "Changes the engine's settings.",
    youCan: "Ask for limits within those of the engine's own process, or give it CAP_SYS_RESOURCE.",
  },
  crashed: {
    title: "It ended",
    means: "The program ended by itself, or was killed, while it should have run.",
    recognised: "The engine's state: ended, with this exit code, and no better explanation.",
    does: "Shows its last lines. Its restart policy decides whether it is started again.",
    never: "Starts it again beyond its restart policy.",
    youCan: "Read its output with `lash logs <resource>`. 137 is a kill, 143 a stop from outside.",
  },
  "crash-loop": {
    title: "It ends again and again",
    means: "It was started several times by its restart policy and did not stay up.",
    recognised: "The number of restarts since it was started.",
    does: "While it is brought up, that ends the `up`. Later the loop is reported and its restart policy goes on, with growing pauses. No repair is made.",
    never: "Changes the restart policy.",
    youCan: "Read its output with `lash logs <resource>`: the reason is that of the last end.",
  },
  "start-failed": {
    title: "It could not be started, why is not known",
    means: "The engine refused to create or start it, with a text that is in no list.",
    recognised:
      "A refusal without a known cause. Podman's `unable to upgrade to tcp, received 409` is one: what is behind it cannot be told.",
    does: "Shows the original text whole. It makes no change.",
    never: "Guesses.",
    youCan: "Read the text, then the engine's log.",
  },
  "stop-failed": {
    title: "It could not be stopped or removed",
    means: "The engine refused, or the container did not end in time.",
    recognised: "A refusal while it is stopped or removed.",
    does: "Shows the original text whole. It makes no change.",
    never: "Kills processes itself.",
    youCan: "Try `docker rm --force <container>`, and restart the engine if that hangs too.",
  },
  unhealthy: {
    title: "Its health check fails",
    means: "It runs, and its own health check says that it does not work.",
    recognised: "The engine's health state.",
    does: "Reports it with what the check said.",
    never: "Restarts it for that.",
    youCan: "Run the check by hand with `lash exec <resource>`, and read its output.",
  },
  "not-ready-in-time": {
    title: "It did not become ready in time",
    means: "It runs, but its readiness check did not pass before its time was over.",
    recognised: "The `ready` timeout of the resource.",
    does: "Shows its last lines and what the check said last.",
    never: "Raises the timeout.",
    youCan: "Read its output with `lash logs <resource>`; raise `timeout` under `ready` if it is only slow.",
  },
} as const satisfies Readonly<Record<string, Meaning>>;
