import type { Activity } from "../evidence.ts";
import type { FailureCode } from "../failure.ts";
import type { LayerName } from "../layers.ts";
import { readPort } from "./port-text.ts";
import { type Rule, starting } from "./rule.ts";

/**
 * Ports of the engine's host. "listen tcp :80: bind: ..." is what any program in Go says, so on its own it counts only
 * while the engine starts something; what an engine's own words are around counts always, also when it starts a
 * container again by itself.
 */
function binding(code: FailureCode, pattern: RegExp): readonly Rule[] {
  const base = { code, pattern, read: readPort };
  const engines: readonly LayerName[] = ["host-port", "publishing"];
  return [
    { ...base, during: publishing, under: engines },
    { ...base, during: starting, under: ["listen"] },
  ];
}

const publishing: readonly Activity[] = [...starting, "readiness", "run", "unknown"];

export const portRules: readonly Rule[] = [
  {
    code: "port-in-use",
    during: publishing,
    pattern: /^Bind for \S+ failed: port is already allocated$/i,
    read: readPort,
  },
  // Docker for Mac of 2017.
  {
    code: "port-in-use",
    during: publishing,
    pattern: /^Bind for \S+: unexpected error \(Failure EADDRINUSE\)$/i,
    read: readPort,
  },
  // Podman with pasta, which names its option behind it.
  {
    code: "port-in-use",
    during: publishing,
    pattern: /^Failed to bind port \d+ \(Address already in use\) for option '-[tu] [^']{1,200}'$/i,
    read: readPort,
  },
  ...binding("port-privileged", /^permission denied$/i),
  {
    code: "port-privileged",
    during: publishing,
    pattern: /^(?:rootlessport )?cannot expose privileged port \d+/i,
    read: readPort,
  },
  {
    code: "port-privileged",
    during: publishing,
    pattern: /^Port\(s\) already bound: \d+: Permission denied$/i,
    read: readPort,
  },
  ...binding("host-address-missing", /^cannot assign requested address$/i),
  // Windows 10013: in a range that Hyper-V or WinNAT keeps, mostly with nothing listening.
  ...binding(
    "port-reserved",
    /^An attempt was made to access a socket in a way forbidden by its access permissions$/i,
  ),
  ...bound(/^address already in use$/i),
  // Windows 10048.
  ...bound(
    /^Only one usage of each socket address \(protocol\/network address\/port\) is normally permitted$/i,
  ),
];

/** An address in use is a port in use only where a port is being bound: a container's own address may be taken too. */
function bound(pattern: RegExp): readonly Rule[] {
  const base = { code: "port-in-use", pattern, read: readPort } as const;
  return [
    { ...base, during: publishing, under: ["host-port"] },
    // Without the userland proxy the engine listens itself, and says so without "userland proxy".
    { ...base, during: publishing, under: ["publishing"], and: "listen" },
    { ...base, during: starting, under: ["listen"] },
  ];
}

/** After all others: a port could not be published, and why is not known. */
export const portFallbackRules: readonly Rule[] = [
  {
    code: "port-binding-failed",
    during: publishing,
    under: ["host-port", "publishing"],
    pattern: /^/,
    read: readPort,
  },
  { code: "port-binding-failed", during: publishing, pattern: /^unable to list exposed ports/i },
];
