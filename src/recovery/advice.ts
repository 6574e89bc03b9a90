import type { Advice, Failure, FailureCode } from "./failure.ts";
import type { PortHolder } from "./port-holder.ts";

/**
 * What a person can do about it, most useful first. Commands look, log in, pull or restart the engine, as their text
 * says; whatever removes something is left to words. Pure.
 */
export function adviceFor(failure: Failure): readonly Advice[] {
  return table[failure.code](failure);
}

type Row = (failure: Failure) => readonly Advice[];

const doctor: Advice = { text: "See what else would stop an up", command: "lash doctor" };

/** One row per code: a new code does not compile until it has one. */
const table: Readonly<Record<FailureCode, Row>> = {
  "engine-unreachable": () => [
    { text: "Start the engine, or name another one with DOCKER_HOST" },
    { text: "See where Lash looks for it", command: "lash doctor" },
  ],
  "engine-permission": () => [
    { text: "See which groups you are in: the socket's group is mostly docker", command: "id" },
    { text: "Ask for access to the socket, or use a rootless engine" },
  ],
  "engine-api-version": () => [
    { text: "See both versions, and upgrade the older one", command: "docker version" },
  ],
  "engine-network-broken": () => [
    {
      text: "Restart the engine (its containers may stop): it makes its bridges and firewall chains again",
      command: "sudo systemctl restart docker",
    },
    { text: "If it comes back, look for what flushes the firewall of the engine's host" },
  ],
  "engine-wrong-host": () => [
    { text: "See which engine is named", command: "docker context ls" },
    { text: "Correct DOCKER_HOST or the context" },
  ],
  "port-in-use": (failure) => [...holderAdvice(failure), ...otherPort(failure)],
  "port-binding-failed": (failure) => [
    ...holderAdvice(failure),
    { text: "Read the engine's log; restarting Docker Desktop helps where its port service hangs" },
  ],
  "port-privileged": (failure) => [
    { text: `Publish a port from 1024 up instead of ${portOf(failure)}` },
    {
      text: "See from where on ports are free to use",
      command: "sysctl net.ipv4.ip_unprivileged_port_start",
    },
  ],
  "port-reserved": (failure) => [
    {
      text: `See which ranges Windows keeps for itself, and publish a port outside instead of ${portOf(failure)}`,
      command: `netsh interface ipv4 show excludedportrange protocol=${failure.details?.port?.protocol === "udp" ? "udp" : "tcp"}`,
    },
  ],
  "host-address-missing": ({ details }) => [
    { text: "See which addresses the engine's host has", command: "ip address" },
    { text: `Correct the address${named(details?.port?.address)} in the mapping` },
  ],
  "image-not-found": ({ details }) => [
    details?.image === undefined
      ? { text: "Check the image's name and tag" }
      : {
          text: "Check name and tag: this asks the registry",
          command: `docker manifest inspect ${quoted(details.image)}`,
        },
  ],
  "image-denied": ({ details }) => [
    { text: "Check the name, and log in if the image is private", command: login(details?.image) },
  ],
  "image-rate-limited": ({ details }) => [
    { text: "Log in: accounts have a higher limit", command: login(details?.image) },
    { text: "Wait, or pull from a mirror of your own" },
  ],
  "image-wrong-platform": ({ details }) => [
    details?.image === undefined
      ? { text: "Use an image for the engine's platform" }
      : {
          text: "See for which platforms it is there",
          command: `docker manifest inspect ${quoted(details.image)}`,
        },
    { text: "Set platform, where the engine's host has emulation" },
  ],
  "registry-unreachable": ({ details }) => [
    details?.image === undefined
      ? { text: "Check network, name resolution and proxy of the engine's host" }
      : { text: "Try it by hand, as the engine does", command: `docker pull ${quoted(details.image)}` },
    { text: "See the engine's proxy and mirrors", command: "docker info" },
  ],
  "registry-tls": () => [
    { text: "See the engine's proxy and registries", command: "docker info" },
    { text: "Give the engine the certificate of the registry's authority, or correct its proxy" },
  ],
  "pull-failed": ({ details }) => [
    { text: "Try the pull alone", command: `docker pull ${details?.image ?? "IMAGE"}` },
    { text: "Read what the engine says of it", command: "journalctl -u docker -n 50" },
  ],
  "build-failed": () => [{ text: "Read the step that failed in the output above" }],
  "name-in-use": ({ details }) => [
    details?.name === undefined
      ? { text: "See which container has the name", command: "docker ps --all" }
      : {
          text: "See which container has the name",
          command: `docker ps --all --filter name=${quoted(details.name)}`,
        },
    { text: "Rename or remove it if you do not need it, or use another --project" },
  ],
  "mount-source-missing": ({ details }) => [
    details?.path === undefined
      ? { text: "Make the path on the engine's host, or correct it" }
      : {
          text: "Make the path on the engine's host, or correct it",
          command: `ls -ld ${quoted(details.path)}`,
        },
  ],
  "mount-denied": ({ details }) => [
    { text: `Share ${details?.path ?? "the directory"} in Docker Desktop under Resources, File sharing` },
  ],
  "mount-type-mismatch": ({ details }) => [
    {
      text: "See whether it is an empty directory that should be a file, and replace it",
      ...(details?.path === undefined ? {} : { command: `ls -la ${quoted(details.path)}` }),
    },
  ],
  "bad-entrypoint": ({ details }) => [
    {
      text: `Check command and entrypoint${named(details?.path)}: the file must be in the image and executable`,
    },
  ],
  "exec-format": () => [
    {
      text: "See the engine's architecture, and use an image for it",
      command: "docker version --format '{{.Server.Os}}/{{.Server.Arch}}'",
    },
  ],
  "argument-list-too-long": () => [{ text: "Hand large values over in a file that is mounted" }],
  "out-of-memory": () => [
    { text: "See what the containers use", command: "docker stats --no-stream" },
    { text: "Raise the memory of the resource, or of the machine" },
  ],
  "rlimit-not-permitted": () => [{ text: "Ask for limits within those of the engine's own process" }],
  crashed: logs,
  "crash-loop": logs,
  "start-failed": () => [{ text: "Read the engine's log" }, doctor],
  "stop-failed": () => [{ text: "See what is left", command: "lash ps" }],
  unhealthy: logs,
  "not-ready-in-time": (failure) => [
    ...logs(failure),
    { text: "If it is only slow, raise timeout under ready in the manifest" },
  ],
  "disk-full": () => [
    { text: "See what takes the space, and delete what you do not need", command: "docker system df" },
    { text: "See which file system is full", command: "df -h" },
  ],
  "network-pool-exhausted": () => [
    { text: "See the networks, and remove those you do not need", command: "docker network ls" },
  ],
  "network-overlap": () => [
    {
      text: "See which ranges are taken",
      command:
        "docker network ls --quiet | xargs docker network inspect --format '{{.Name}} {{range .IPAM.Config}}{{.Subnet}} {{end}}'",
    },
    { text: "Leave the subnet to the engine, or choose one that is free" },
  ],
  "network-in-use": ({ details }) => [
    details?.name === undefined
      ? { text: "See the networks", command: "docker network ls" }
      : { text: "See who is connected", command: `docker network inspect ${quoted(details.name)}` },
  ],
  "volume-in-use": ({ details }) => [
    details?.name === undefined
      ? { text: "See which containers have it", command: "docker ps --all" }
      : {
          text: "See which containers have it",
          command: `docker ps --all --filter volume=${quoted(details.name)}`,
        },
  ],
  "external-missing": ({ details }) => [
    { text: `Start what makes it${named(details?.name)}, or make it yourself` },
  ],
  "secret-does-not-match-data": () => [
    { text: "Put the former secret back: the data was made with it" },
    { text: "Keep the volume: without it and the secret the data is lost" },
  ],
  "database-upgrade-refused": () => [
    { text: "Go back to the former version of the image: it can still read the data" },
    { text: "Dump the data with it, and load it into the new version" },
  ],
  "tool-missing": ({ details }) => [{ text: `Install ${details?.name ?? "what is named"}` }],
  "variable-missing": ({ details }) => [
    { text: `Set ${details?.name ?? "it"} in .env beside the manifest, or in the environment` },
  ],
  "manifest-invalid": () => [
    { text: "Check the manifest without starting anything", command: "lash validate" },
  ],
  "dependency-failed": ({ cause }) =>
    cause === undefined ? [{ text: "Look at the dependency", command: "lash ps" }] : adviceFor(cause),
  internal: () => [
    { text: "Report it, with this text and the output of the command", command: "lash doctor --json" },
  ],
};

function logs({ subject }: Failure): readonly Advice[] {
  return [
    {
      // What a failed `up` had started is gone by the time anybody reads this.
      text: "Leave it as it is next time, and read all of its output",
      command: `lash up --keep; lash logs${subject === "" ? "" : ` ${quoted(subject)}`}`,
    },
  ];
}

/** How to see who has the port, by what is known already. */
function holderAdvice({ holder, details }: Failure): readonly Advice[] {
  const port = details?.port;
  if (holder === undefined) return port === undefined ? [] : [listeners(port)];
  return seen(holder, port === undefined ? [] : [listeners(port)]);
}

function seen(holder: PortHolder, looking: readonly Advice[]): readonly Advice[] {
  switch (holder.type) {
    case "container": {
      const command = `docker ps --filter name=${quoted(holder.container)}`;
      const whose = holder.ours ? "of this stack" : (holder.project ?? holder.container);
      return [
        { text: `See the container that has it (${whose}), and stop it if you do not need it`, command },
      ];
    }
    case "process":
      if (holder.pid === undefined) return looking;
      return [
        {
          text: "See the process that has it, and stop it if you do not need it",
          command: `ps -fp ${holder.pid}`,
        },
      ];
    case "other-engine":
      return [
        {
          text: "Another engine of this host publishes it: see its containers",
          command: "docker context ls",
        },
        { text: "See its proxy", command: `ps -fp ${holder.pid}` },
      ];
    case "reserved":
      return [{ text: `Publish a port outside ${holder.range}, which the system keeps for itself` }];
    case "unknown":
      return looking;
  }
}

type Port = NonNullable<NonNullable<Failure["details"]>["port"]>;

function listeners({ number, protocol }: Port): Advice {
  const option = protocol === "udp" ? "-lunp" : "-ltnp";
  return { text: "See who has it, on the engine's host", command: `sudo ss ${option} 'sport = :${number}'` };
}

function otherPort(failure: Failure): readonly Advice[] {
  return [
    {
      text: `Publish another port than ${portOf(failure)}: declare a second port bundle under ports, or say recovery.ports: any-free`,
    },
  ];
}

function portOf({ details }: Failure): string {
  return details?.port === undefined ? "this one" : String(details.port.number);
}

function named(text: string | undefined): string {
  return text === undefined || text === "" ? "" : ` (${text})`;
}

/** `docker login`, with the registry where the reference names one. */
function login(image: string | undefined): string {
  const [first = ""] = (image ?? "").split("/");
  const isHost = image?.includes("/") === true && /[.:]|^localhost$/.test(first) && first !== "docker.io";
  return isHost ? `docker login ${quoted(first)}` : "docker login";
}

/** As one word of a shell. */
function quoted(word: string): string {
  return /^[\w./:@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
