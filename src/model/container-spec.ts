/** A port of a container and where it is published on the host. */
export interface PortMapping {
  /** Address to publish on; "" means every address. */
  readonly hostIp: string;
  /** Host port; 0 lets the engine choose; undefined means: known, but not published. */
  readonly hostPort: number | undefined;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp" | "sctp";
}

/** Something mounted into a container. A bind's source is an absolute host path, a volume's its name. */
export interface Mount {
  readonly type: "bind" | "volume" | "tmpfs";
  /** "" for tmpfs and for an anonymous volume. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Mount options of a tmpfs, for example "size=64m". */
  readonly options?: string | undefined;
}

/** Check that the engine runs by itself, in Compose's terms. Times in milliseconds. */
export interface Healthcheck {
  /** `["CMD", ...argv]`, `["CMD-SHELL", text]` or `["NONE"]`, which turns off the image's own. */
  readonly test: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly startPeriodMs: number;
}

/** The engine's own restart policy. */
export interface EngineRestart {
  readonly name: "no" | "on-failure" | "always" | "unless-stopped";
  readonly maximumRetryCount?: number | undefined;
}

/** Resource limit of a process, as setrlimit knows it; -1 is unlimited. */
export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/**
 * What an engine needs to make a container: resolved, parsed, nothing left to decide. The process driver reads the
 * part that concerns a process (name, labels, command, env, workingDir, stopSignal) and refuses the rest by name.
 */
export interface ContainerSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Image reference or id; "" for a process. */
  readonly image: string;
  readonly platform?: string | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir?: string | undefined;
  readonly user?: string | undefined;
  readonly hostname?: string | undefined;
  readonly init?: boolean | undefined;
  readonly tty?: boolean | undefined;
  readonly openStdin?: boolean | undefined;
  readonly ports?: readonly PortMapping[] | undefined;
  readonly mounts?: readonly Mount[] | undefined;
  readonly networks?: readonly { readonly name: string; readonly aliases: readonly string[] }[] | undefined;
  /** `name:address`, also `name:host-gateway`. */
  readonly extraHosts?: readonly string[] | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly shmSizeBytes?: number | undefined;
  readonly ulimits?: readonly Ulimit[] | undefined;
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  readonly capAdd?: readonly string[] | undefined;
  readonly capDrop?: readonly string[] | undefined;
  readonly securityOpt?: readonly string[] | undefined;
  readonly privileged?: boolean | undefined;
  /** `host[:container[:permissions]]` */
  readonly devices?: readonly string[] | undefined;
  readonly readOnly?: boolean | undefined;
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
  readonly pidsLimit?: number | undefined;
  readonly logging?:
    | { readonly driver: string; readonly options: Readonly<Record<string, string>> }
    | undefined;
  readonly stopSignal?: string | undefined;
  readonly stopGraceMs?: number | undefined;
  readonly healthcheck?: Healthcheck | undefined;
  readonly restart?: EngineRestart | undefined;
}
