import { type LogRule, type Rule, startingOrPasted } from "./rule.ts";

const tooLong = /^(?:exec:? ?"?[^"\s]{1,400}"?|exec user process caused): argument list too long$/i;
const execFormat =
  /^(?:exec:? ?"?[^"\s]{1,400}"?|exec user process caused(?: "|: )|exec container process `[^`]{1,400}`): ?exec format error$/i;

/** A container: its name, mounts, first process, limits. */
export const containerRules: readonly Rule[] = [
  {
    code: "name-in-use",
    during: startingOrPasted,
    pattern:
      /^Conflict\. The container name "\/?(?<name>[^"\s]+)" is already in use by container "?[0-9a-f]+"?(?:\. You have to remove \(or rename\) that container to be able to reuse that name)?$/i,
  },
  {
    code: "name-in-use",
    during: startingOrPasted,
    pattern:
      /^(?:container create: )?(?:error )?creating container storage: the container name "(?<name>[^"\s]+)" is already in use by "?[0-9a-f]+"?\. You have to remove that container to be able to reuse that name\.?: that name is already in use(?:, or use --replace to instruct Podman to do so)?$/i,
  },
  {
    code: "mount-source-missing",
    pattern: /^invalid mount config for type "bind": bind source path does not exist: (?<path>.{1,1000})$/i,
  },
  {
    code: "mount-source-missing",
    during: startingOrPasted,
    pattern: /^statfs (?<path>\/[^:]{0,1000}): no such file or directory$/i,
  },
  {
    code: "mount-denied",
    pattern: /^Mounts denied: (?:The path (?<path>.{1,1000}) is not shared from the host)?/i,
  },
  {
    code: "mount-type-mismatch",
    during: startingOrPasted,
    // Podman 4.3 leaves the question away.
    pattern:
      /^error mounting "(?<path>[^"]{1,1000})" to rootfs at "[^"]{1,1000}": .{0,2000}: not a directory(?:: OCI runtime error)?$/i,
  },
  {
    code: "mount-type-mismatch",
    during: startingOrPasted,
    pattern:
      /^(?:error mounting "(?<path>[^"]{1,1000})" to rootfs|.{0,2000}not a directory(?:: unknown)?: Are you trying to mount).{0,2000}\bmount a directory onto a file \(or vice-versa\)\?/i,
  },
  { code: "exec-format", during: startingOrPasted, pattern: execFormat },
  { code: "argument-list-too-long", during: startingOrPasted, pattern: tooLong },
  {
    code: "rlimit-not-permitted",
    during: startingOrPasted,
    pattern: /^error setting rlimits? .{0,200}operation not permitted$/i,
  },
  {
    code: "rlimit-not-permitted",
    during: startingOrPasted,
    pattern: /^setrlimit `?\w+`?: operation not permitted$/i,
  },
  {
    code: "bad-entrypoint",
    during: startingOrPasted,
    under: ["runtime"],
    pattern:
      /^exec: "(?<path>[^"]{1,1000})": (?:executable file not found|stat |permission denied|is a directory|no such file or directory|cannot run)/i,
  },
  {
    code: "bad-entrypoint",
    during: startingOrPasted,
    under: ["runtime"],
    pattern:
      /^(?:executable file `(?<path>[^`]{1,1000})` not found|open executable: |exec: ".{1,1000}": executable)/i,
  },
  // runc, when the limit is too small for the container to be set up in.
  { code: "out-of-memory", during: startingOrPasted, pattern: /^container init was OOM-killed/i },
  {
    code: "out-of-memory",
    during: startingOrPasted,
    pattern: /^(?:.{0,1000}[: '"=])?cannot allocate memory'?(?: \(errno=12\))?$/i,
  },
  // Podman 4.3 and later answer this where the true cause is lost (containers/podman#22285): port, rlimit, anything.
  { code: "start-failed", during: startingOrPasted, pattern: /^unable to upgrade to tcp, received 409$/i },
];

/** What the runtime writes into the container's output when it cannot become the program: the engine knows of none of it. */
export const runtimeLogRules: readonly LogRule[] = [
  {
    code: "exec-format",
    exitCode: 1,
    last: true,
    pattern:
      /^(?:standard_init_linux\.go:\d+: )?exec (?:\S{1,400}|user process caused(?: "|: )?):? ?"?exec format error"?$/i,
  },
  {
    code: "argument-list-too-long",
    exitCode: 1,
    last: true,
    pattern:
      /^(?:standard_init_linux\.go:\d+: )?exec (?:\S{1,400}|user process caused):? ?"?argument list too long"?$/i,
  },
];
