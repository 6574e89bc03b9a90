import type { Failure, FailureCode } from "./failure.ts";

/** What is known about something that went wrong, best evidence first. */
export interface Evidence {
  readonly subject: string;
  /** What was being done. */
  readonly during: "pull" | "build" | "create" | "start" | "readiness" | "run" | "stop";
  /** Innermost text of the engine; "" when it said nothing. */
  readonly text: string;
  /** HTTP status of the engine's refusal. */
  readonly status?: number | undefined;
  readonly oomKilled?: boolean | undefined;
  readonly exitCode?: number | undefined;
  readonly logTail?: readonly string[] | undefined;
}

interface Rule {
  readonly code: FailureCode;
  readonly during?: readonly Evidence["during"][];
  readonly pattern: RegExp;
}

/**
 * Texts by which a cause is recognised, most specific first: only the innermost cause, never a wrapper such as "driver
 * failed programming external connectivity". Wordings of moby 20.10 to 29 and Podman 4.3 (docs/architecture.md).
 */
const rules: readonly Rule[] = [
  { code: "port-in-use", pattern: /Bind for \S+ failed: port is already allocated/i },
  {
    code: "port-in-use",
    during: ["start"],
    pattern: /(?:listen (?:tcp|udp)\d? \S+: bind|failed to bind host port [^:]*\S*): address already in use/i,
  },
  {
    code: "port-privileged",
    during: ["start"],
    pattern: /bind: permission denied|cannot expose privileged port/i,
  },
  { code: "host-address-missing", during: ["start"], pattern: /bind: cannot assign requested address/i },
  {
    code: "engine-network-broken",
    pattern: /could not find bridge|No chain\/target\/match by that name|Chain '\S+' does not exist/i,
  },
  {
    code: "network-pool-exhausted",
    pattern: /non-overlapping IPv4 address pool|predefined address pools have been/i,
  },
  { code: "disk-full", pattern: /no space left on device/i },
  { code: "image-rate-limited", pattern: /toomanyrequests|429 Too Many Requests/i },
  {
    code: "image-denied",
    pattern: /pull access denied|requested access to the resource is denied|unauthorized:|no basic auth/i,
  },
  {
    code: "image-wrong-platform",
    pattern: /no matching manifest for|does not match the specified platform/i,
  },
  {
    code: "image-not-found",
    pattern:
      /manifest unknown|name unknown|No such image|failed to resolve reference .*not found|manifest for \S+ not found/i,
  },
  {
    code: "registry-tls",
    pattern: /x509: |server gave HTTP response to HTTPS client|first record does not look like/i,
  },
  {
    code: "registry-unreachable",
    during: ["pull", "build"],
    pattern:
      /i\/o timeout|TLS handshake timeout|connection re(?:set|fused)|unexpected EOF|no such host|network is unreachable|server misbehaving/i,
  },
  { code: "mount-source-missing", pattern: /bind source path does not exist|statfs \S+: no such file/i },
  { code: "mount-denied", pattern: /Mounts denied/i },
  { code: "mount-type-mismatch", pattern: /mount a directory onto a file/i },
  { code: "exec-format", pattern: /exec format error/i },
  {
    code: "bad-entrypoint",
    during: ["start"],
    pattern:
      /(?:unable to start container process|starting container process caused): exec|executable file .*not found/i,
  },
  { code: "rlimit-not-permitted", pattern: /error setting rlimit/i },
];

/** What the failure is called when nothing more is known than what was being done. */
const fallback: Readonly<Record<Evidence["during"], FailureCode>> = {
  pull: "image-not-found",
  build: "build-failed",
  create: "start-failed",
  start: "start-failed",
  readiness: "not-ready-in-time",
  run: "crashed",
  stop: "stop-failed",
};

const words: Readonly<Record<Evidence["during"], string>> = {
  pull: "its image could not be pulled",
  build: "its image could not be built",
  create: "its container could not be created",
  start: "it could not be started",
  readiness: "it did not become ready",
  run: "it ended",
  stop: "it could not be stopped",
};

/** Names what happened from the best evidence there is. Pure; never throws. */
export function classify(evidence: Evidence): Failure {
  const code = codeOf(evidence);
  const exit = evidence.exitCode === undefined ? "" : ` with exit code ${evidence.exitCode}`;
  const reason = evidence.during === "run" ? (evidence.oomKilled === true ? " (out of memory)" : exit) : "";
  const innermost = innermostCause(evidence.text);
  const cause = innermost === "" ? "" : `: ${innermost}`;
  return {
    code,
    subject: evidence.subject,
    message: `"${evidence.subject}": ${words[evidence.during]}${reason}${cause}`,
    evidence: evidence.text,
    ...(evidence.exitCode === undefined ? {} : { exitCode: evidence.exitCode }),
    ...(evidence.logTail === undefined ? {} : { logTail: evidence.logTail }),
  };
}

/** What engines and runtimes put before a cause, outermost first; none of it says what is wrong. */
const wrappers: readonly RegExp[] = [
  /^Cannot [^:]{1,200}: /,
  /^failed to set up container networking: /i,
  /^driver failed programming external connectivity on endpoint \S+ \([0-9a-f]{64}\): /i,
  /^Error starting userland proxy: /i,
  /^failed to create (?:shim )?task for container: /i,
  /^failed to create shim task: /i,
  /^OCI runtime create failed: /i,
  /^(?:runc|crun) create failed: /i,
  /^container_linux\.go:\d+: /i,
  /^starting container process caused: /i,
  /^unable to start container process: /i,
];

/** The innermost cause in an engine's text: what is left without the words around it. */
export function innermostCause(text: string): string {
  let rest = text.replace(/: unknown$/, "");
  for (let before = ""; before !== rest; ) {
    before = rest;
    for (const wrapper of wrappers) rest = rest.replace(wrapper, "");
  }
  return rest;
}

function codeOf(evidence: Evidence): FailureCode {
  if (evidence.oomKilled === true) return "out-of-memory";
  const rule = rules.find(
    (each) => (each.during?.includes(evidence.during) ?? true) && each.pattern.test(evidence.text),
  );
  if (rule !== undefined) return rule.code;
  if (evidence.during === "pull" && evidence.status !== 404) return "registry-unreachable";
  return fallback[evidence.during];
}
