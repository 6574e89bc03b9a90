import { type Meaning, onlyReports } from "./meaning.ts";

export const portMeanings = {
  "port-in-use": {
    title: "A host port is taken",
    means:
      "The engine could not publish a port because a container of this or another engine, or a process of the host, already has it.",
    recognised:
      "By the innermost cause only: `Bind for <address> failed: port is already allocated`, or `address already in use` (Windows: `Only one usage of each socket address`) where the engine, its proxy, RootlessKit, Docker Desktop or Podman binds a port of the host. The same words in an application's own output do not count, nor for a container's own address.",
    does: "Looks who has the port. `use-port-bundle`: the whole stack moves to the next port bundle of the manifest, if the port is one of the present bundle and every port of the next one was probed free on IPv4 and IPv6 on the engine's host. `use-free-port`: only where the manifest says `recovery.ports: any-free`. At most once for an `up`, then one retry.",
    never:
      "Stops or removes what has the port, kills a process, edits a manifest, tries a third bundle, or changes the ports of a manifest with `recovery.ports: never`.",
    youCan:
      "Stop what has the port if it is yours, publish another one, or declare a second port bundle under `ports`.",
  },
  "port-binding-failed": {
    title: "A host port could not be published, why is not known",
    means: "Publishing a port failed, and the engine's text names no cause that is known.",
    recognised:
      "`failed programming external connectivity` or `Ports are not available` around a cause that is in no list, for example `/forwards/expose returned unexpected status: 500` or `Timed out proxy starting the userland proxy`.",
    does: "Looks who has the port and shows the original text whole. It makes no change.",
    never: "Takes the words around a cause for the cause, and moves ports on a guess.",
    youCan:
      "Check the port with the command shown, then read the engine's log; restarting Docker Desktop helps where its port service hangs.",
  },
  "port-privileged": {
    title: "A host port is for privileged users only",
    means:
      "The engine runs without the right to bind a port this low, mostly a rootless engine and a port below 1024.",
    recognised:
      "`bind: permission denied`, `cannot expose privileged port <n>`, or `Port(s) already bound: <n>: Permission denied`.",
    does: onlyReports,
    never: "Changes kernel settings or the rights of the engine.",
    youCan:
      "Publish a port from 1024 up, or ask the administrator to lower `net.ipv4.ip_unprivileged_port_start`.",
  },
  "port-reserved": {
    title: "Windows keeps the host port for itself",
    means:
      "The port lies in a range that Windows (Hyper-V, WinNAT) has set aside, mostly with nothing listening on it.",
    recognised:
      "`An attempt was made to access a socket in a way forbidden by its access permissions` where a port is bound (Windows error 10013).",
    does: onlyReports,
    never: "Changes port ranges or restarts WinNAT.",
    youCan:
      "Publish a port outside the ranges that `netsh interface ipv4 show excludedportrange protocol=tcp` lists.",
  },
  "host-address-missing": {
    title: "The host has no such address",
    means: "The port is to be published on an address that no interface of the engine's host has.",
    recognised: "`bind: cannot assign requested address` where a port of the host is bound.",
    does: onlyReports,
    never: "Publishes the port on another address: it might be reachable from where it must not be.",
    youCan: "Correct the address in the mapping, or bring up the interface that has it.",
  },
} as const satisfies Readonly<Record<string, Meaning>>;
