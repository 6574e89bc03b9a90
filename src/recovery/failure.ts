import type { PortHolder } from "./port-holder.ts";

/** Codes of known failures. Closed: a new one does not compile until every table over it knows it. */
export type FailureCode =
  | "engine-unreachable"
  | "engine-permission"
  | "engine-api-version"
  | "engine-network-broken"
  | "engine-wrong-host"
  | "port-in-use"
  | "port-binding-failed"
  | "port-privileged"
  | "port-reserved"
  | "host-address-missing"
  | "image-not-found"
  | "image-denied"
  | "image-rate-limited"
  | "image-wrong-platform"
  | "registry-unreachable"
  | "registry-tls"
  | "pull-failed"
  | "build-failed"
  | "name-in-use"
  | "mount-source-missing"
  | "mount-denied"
  | "mount-type-mismatch"
  | "bad-entrypoint"
  | "exec-format"
  | "argument-list-too-long"
  | "out-of-memory"
  | "rlimit-not-permitted"
  | "crashed"
  | "crash-loop"
  | "start-failed"
  | "stop-failed"
  | "unhealthy"
  | "not-ready-in-time"
  | "disk-full"
  | "network-pool-exhausted"
  | "network-overlap"
  | "network-in-use"
  | "volume-in-use"
  | "external-missing"
  | "secret-does-not-match-data"
  | "database-upgrade-refused"
  | "tool-missing"
  | "variable-missing"
  | "manifest-invalid"
  | "dependency-failed"
  | "internal";

/** A port of the engine's host. */
export interface HostPort {
  /** Address as the engine wrote it, without brackets; "" when it named none. */
  readonly address: string;
  readonly number: number;
  readonly protocol: "tcp" | "udp" | "sctp";
}

/** What a failure's text names, as far as it does: read from anchored places only, never guessed. */
export interface FailureDetails {
  readonly port?: HostPort | undefined;
  /** Image reference. */
  readonly image?: string | undefined;
  /** How long the registry asked to be left alone, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** True when the same call may work a moment later: a time-out, a reset, a cut. Not so for DNS and routing. */
  readonly passing?: boolean | undefined;
  /** Host path of a mount. */
  readonly path?: string | undefined;
  /** Name of a container, network or volume in the way. */
  readonly name?: string | undefined;
}

/** What happened to a resource: data, not an exception. */
export interface Failure {
  readonly code: FailureCode;
  /** Resource it happened to; "" for the stack as a whole. */
  readonly subject: string;
  /** One sentence for people, with names, no full stop. */
  readonly message: string;
  /** The engine's or program's own words it was recognised by; "" when there are none. */
  readonly evidence: string;
  readonly exitCode?: number | undefined;
  /** Last lines of its output, oldest first. */
  readonly logTail?: readonly string[] | undefined;
  readonly details?: FailureDetails | undefined;
  /** Who has the port, when that was looked up. */
  readonly holder?: PortHolder | undefined;
  /** What a person can do, most useful first: sentences, or commands to paste. */
  readonly advice?: readonly Advice[] | undefined;
  /** The failure that led to this one. */
  readonly cause?: Failure | undefined;
}

/** One thing a person can do. */
export interface Advice {
  readonly text: string;
  /** To paste into a shell. */
  readonly command?: string | undefined;
}
