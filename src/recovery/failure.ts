/** Codes of known failures. Closed: a new one does not compile until every table over it knows it. */
export type FailureCode =
  | "engine-unreachable"
  | "engine-permission"
  | "engine-network-broken"
  | "port-in-use"
  | "port-binding-failed"
  | "port-privileged"
  | "host-address-missing"
  | "image-not-found"
  | "image-denied"
  | "image-rate-limited"
  | "image-wrong-platform"
  | "registry-unreachable"
  | "registry-tls"
  | "build-failed"
  | "name-in-use"
  | "mount-source-missing"
  | "mount-denied"
  | "mount-type-mismatch"
  | "bad-entrypoint"
  | "exec-format"
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
  | "variable-missing"
  | "dependency-failed"
  | "internal";

/** What happened to a resource: data, not an exception. */
export interface Failure {
  readonly code: FailureCode;
  /** Resource it happened to. */
  readonly subject: string;
  /** One sentence for people, with names, no full stop. */
  readonly message: string;
  /** The engine's or program's own words it was recognised by; "" when there are none. */
  readonly evidence: string;
  readonly exitCode?: number | undefined;
  /** Last lines of its output, oldest first. */
  readonly logTail?: readonly string[] | undefined;
  /** The failure that led to this one. */
  readonly cause?: Failure | undefined;
}
