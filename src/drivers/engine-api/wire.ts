/**
 * What the engine sends, as far as we read it. Everything is optional: engines leave out what they consider empty, and
 * an engine newer than us may leave out more.
 */
export interface ContainerJson {
  readonly Id?: string;
  readonly Name?: string;
  readonly Image?: string;
  readonly Created?: string;
  readonly RestartCount?: number;
  readonly Config?: {
    readonly Image?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
  } | null;
  readonly State?: StateJson | null;
  readonly HostConfig?: { readonly RestartPolicy?: { readonly Name?: string } | null } | null;
  readonly NetworkSettings?: {
    readonly Ports?: Readonly<Record<string, readonly BindingJson[] | null>> | null;
    readonly Networks?: Readonly<Record<string, EndpointJson | null>> | null;
  } | null;
}

export interface StateJson {
  readonly Status?: string;
  readonly OOMKilled?: boolean;
  readonly Pid?: number;
  readonly ExitCode?: number;
  readonly Error?: string;
  readonly StartedAt?: string;
  readonly FinishedAt?: string;
  readonly Health?: {
    readonly Status?: string;
    readonly Log?: readonly { readonly ExitCode?: number; readonly Output?: string }[] | null;
  } | null;
}

export interface BindingJson {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

interface EndpointJson {
  readonly IPAddress?: string;
  readonly GlobalIPv6Address?: string;
}

export interface WaitJson {
  readonly StatusCode?: number;
  readonly Error?: { readonly Message?: string } | null;
}

export interface InfoJson {
  readonly ID?: string;
  readonly Name?: string;
  readonly ServerVersion?: string;
  readonly OSType?: string;
  readonly Architecture?: string;
  readonly DockerRootDir?: string;
  readonly SecurityOptions?: readonly string[] | null;
  readonly DefaultAddressPools?: readonly { readonly Base?: string; readonly Size?: number }[] | null;
}

export interface EventJson {
  readonly Type?: string;
  readonly Action?: string;
  readonly status?: string;
  readonly id?: string;
  readonly time?: number;
  readonly timeNano?: number;
  readonly Actor?: {
    readonly ID?: string;
    readonly Attributes?: Readonly<Record<string, string>> | null;
  } | null;
}

export interface ImageJson {
  readonly Id?: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly Os?: string;
  readonly Architecture?: string;
  readonly Variant?: string;
  readonly Size?: number;
  readonly Config?: {
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
    readonly Healthcheck?: { readonly Test?: readonly string[] | null } | null;
  } | null;
}

export interface NetworkJson {
  readonly Id?: string;
  readonly Name?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Containers?: Readonly<Record<string, unknown>> | null;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string }[] | null } | null;
}

export interface VolumeJson {
  readonly Name?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** One line of a pull's or a build's progress. */
export interface ProgressJson {
  readonly id?: string;
  readonly status?: string;
  readonly stream?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number } | null;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number } | null;
  readonly aux?: unknown;
}
