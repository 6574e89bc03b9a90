/** What engines, runtimes and commands put around a cause. None of it says what is wrong, but some of it says where. */
export type LayerName =
  /** Says nothing: prefixes of commands and of operations. */
  | "said"
  /** A command could not talk to its engine. */
  | "connect"
  /** Publishing ports failed, with this endpoint of a network. */
  | "publishing"
  /** A port of the host is being bound, by the engine or its proxy. */
  | "host-port"
  /** Some program listens: the engine's proxy, or anything else. */
  | "listen"
  /** The runtime starts the first process. */
  | "runtime"
  /** An image is resolved, fetched or unpacked. */
  | "registry"
  /** Some HTTP request, some connection. */
  | "request"
  /** An interface is put on a bridge. */
  | "bridge"
  /** A Dockerfile is built. */
  | "build";

export interface Layer {
  readonly name: LayerName;
  /** It names an address or a registry: for people it stays before the cause. */
  readonly telling?: true;
  readonly pattern: RegExp;
}

/**
 * Outermost first does not matter: each is tried at the beginning of what is left, the first that fits is taken off.
 * Wordings: moby 20.10 to 29, Docker Desktop, RootlessKit, Podman 3 to 5, containerd, BuildKit, Compose 1 and 2.
 */
export const layers: readonly Layer[] = [
  // Commands, clients and logs.
  {
    name: "said",
    pattern: /^(?:docker|docker-compose|podman|nerdctl|lash): (?!command not found|not found)/i,
  },
  { name: "said", pattern: /^Error response from daemon: /i },
  { name: "said", pattern: /^ERROR: for \S+ /i },
  { name: "said", pattern: /^(?:#\d+ )?(?:ERROR|fatal)(?:\[\d+\])?: /i },
  { name: "said", pattern: /^(?:WARNING|WARN(?:\[\d+\])?)(?:: | )/i },
  { name: "said", pattern: /^ERRO\[\d+\] /i },
  { name: "said", pattern: /^time="[^"]{0,60}" level=[a-z]{1,10} msg="/i },
  { name: "said", pattern: /^\(HTTP code \d+\) (?:server error|bad parameter|no such \w+|unexpected) - /i },
  { name: "said", pattern: /^Internal Server Error: /i },
  { name: "said", pattern: /^[⠁-⣿✘✖×!] (?:Container|Network|Volume|Image) \S+ (?:Error )?/ },
  { name: "said", pattern: /^Cannot (?:(?!connect to|upgrade from|allocate memory)[^:]){1,200}: / },
  { name: "said", pattern: /^Container failed to be started: /i },
  // Podman's words for the operation.
  {
    name: "said",
    pattern: /^(?:error )?(?:unable to start|starting|preparing) container "?[\w.-]+"?(?: for attach)?: /i,
  },
  { name: "said", pattern: /^(?:error )?starting some containers: /i },
  { name: "said", pattern: /^(?:error )?failed to start containers?: [\w.-]+: /i },
  // A command that cannot reach its engine.
  { name: "connect", pattern: /^error during connect: /i },
  { name: "connect", pattern: /^unable to connect to Podman(?: socket)?: /i },
  { name: "connect", pattern: /^failed to connect: (?=dial unix )/i },
  // Networking of a container. "driver" is missing in some versions; 28.0 put one more around it.
  { name: "said", pattern: /^failed to set up container networking: /i },
  {
    name: "publishing",
    pattern: /^(?:driver )?failed programming external connectivity on endpoint \S+ \([0-9a-f]+\)(?:: |$)/i,
  },
  { name: "bridge", pattern: /^failed to create endpoint \S+ on network \S+: /i },
  { name: "bridge", pattern: /^adding interface \S+ to bridge \S+ failed: /i },
  { name: "said", pattern: /^failed to create network \S+: /i },
  { name: "said", pattern: /^invalid pool request: /i },
  // A port of the host.
  { name: "host-port", pattern: /^Error starting userland proxy: /i },
  {
    name: "host-port",
    telling: true,
    pattern: /^failed to bind (?:host )?port (?:(?:\d+ )?for )?[^\s']+: /i,
  },
  { name: "host-port", pattern: /^Ports are not available: /i },
  { name: "host-port", telling: true, pattern: /^exposing port (?:TCP|UDP|SCTP) \S+ -> [^\s]+: /i },
  {
    name: "host-port",
    pattern: /^error while calling (?:RootlessKit )?PortManager\.AddPort\(\): (?:cannot expose port \d+: )?/i,
  },
  { name: "host-port", pattern: /^failed to expose ports via rootlessport: "?/i },
  { name: "host-port", pattern: /^rootlessport (?=listen |cannot )/i },
  { name: "host-port", pattern: /^cannot listen on the (?:TCP|UDP|SCTP) port: /i },
  { name: "host-port", pattern: /^pasta failed with exit code \d+: /i },
  { name: "listen", telling: true, pattern: /^listen (?:tcp|udp|sctp)[46]? \S+: bind: /i },
  // The runtime.
  { name: "runtime", pattern: /^failed to create (?:shim )?task for container: /i },
  { name: "runtime", pattern: /^failed to create shim(?: task)?: /i },
  { name: "runtime", pattern: /^(?:failed to start task for container|failed to create task): /i },
  { name: "runtime", pattern: /^OCI runtime (?:create failed|start failed|error|exec failed): /i },
  { name: "runtime", pattern: /^(?:runc|crun)(?: create failed| start failed)?: /i },
  { name: "runtime", pattern: /^(?:container_linux|process_linux|rootfs_linux)\.go:\d+: /i },
  { name: "runtime", pattern: /^starting container process caused:? "?/i },
  { name: "runtime", pattern: /^container init caused:? "?/i },
  { name: "runtime", pattern: /^unable to start container process: /i },
  { name: "runtime", pattern: /^error during container init: /i },
  // Images.
  {
    name: "build",
    pattern: /^failed to solve(?: with frontend [\w.]+)?: (?:rpc error: code = \w+ desc = )?/i,
  },
  { name: "build", pattern: /^failed to (?:create LLB definition|build LLB|compute cache key): /i },
  {
    name: "build",
    pattern: /^[\w./:@-]{1,255}: (?=failed to (?:resolve source metadata|do request|copy|authorize))/i,
  },
  { name: "registry", pattern: /^failed to resolve reference "(?<image>[^"\s]+)": /i },
  { name: "registry", pattern: /^failed to resolve source metadata for (?<image>\S+): /i },
  {
    name: "registry",
    pattern: /^failed to (?:do request|copy|authorize|register layer|pull and unpack image "[^"]+"): /i,
  },
  { name: "registry", pattern: /^failed to fetch (?:anonymous|oauth) token: /i },
  { name: "registry", pattern: /^httpReadSeeker: failed open: /i },
  { name: "registry", pattern: /^unexpected status(?: code)?(?: from \w+ request to)? https?:\/\/\S+: /i },
  {
    name: "registry",
    pattern: /^(?:error pulling image configuration|error parsing HTTP \d+ response body): /i,
  },
  { name: "registry", pattern: /^download failed after attempts=\d+: /i },
  { name: "registry", pattern: /^received unexpected HTTP status: /i },
  // Images, Podman.
  {
    name: "registry",
    pattern: /^(?:error )?(?:unable to copy from source|initializing source) docker:\/\/(?<image>\S+): /i,
  },
  { name: "registry", pattern: /^(?:error )?determining manifest MIME type for docker:\/\/(?<image>\S+): /i },
  { name: "registry", pattern: /^(?:error )?reading (?:manifest|blob|config) \S+(?: in \S+)?: /i },
  { name: "registry", pattern: /^(?:error )?pinging (?:container|docker) registry \S+: /i },
  { name: "registry", pattern: /^(?:error )?pulling image "(?<image>[^"\s]+)": /i },
  {
    name: "registry",
    pattern: /^unable to pull (?:image|(?<image>\S+)): (?:\d+ errors? occurred:(?: \*)? )?/i,
  },
  { name: "registry", pattern: /^\d+ errors? occurred while pulling: (?:\* )?/i },
  {
    name: "registry",
    pattern: /^(?:copying system image from manifest list|parsing image configuration|writing blob): /i,
  },
  {
    name: "registry",
    pattern: /^(?:fetching target platform image selected from (?:manifest list|image index)): /i,
  },
  {
    name: "registry",
    pattern: /^(?:storing blob to file "[^"]+"|happened during read|requesting bearer token): /i,
  },
  { name: "registry", pattern: /^unable to retrieve auth token: (?:invalid username\/password: )?/i },
  {
    name: "registry",
    pattern: /^errors: (?=denied:|unauthorized:|toomanyrequests:|manifest unknown|name unknown)/i,
  },
  // Requests. A path of the registry's protocol tells whose.
  {
    name: "registry",
    telling: true,
    pattern: /^(?:Get|Head|Post|Put) "?https?:\/\/[^"\s]*?(?:\/v2\/|\/token\?)[^"\s]*?"?: /i,
  },
  { name: "request", telling: true, pattern: /^(?:Get|Head|Post|Put) "?https?:\/\/[^"\s]+"?: /i },
  { name: "request", telling: true, pattern: /^dial (?:tcp|udp|unix)[46]?(?: \S+)?: (?:connect(?:ex)?: )?/i },
  {
    name: "request",
    telling: true,
    pattern: /^(?:read|write) (?:tcp|udp)[46]? \S+->\S+: (?:(?:read|write): )?/i,
  },
];
