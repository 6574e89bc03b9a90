import { isIPv6 } from "node:net";

/** A socket of this machine that waits on a port. */
export interface Listener {
  readonly protocol: "tcp" | "udp";
  /** Without brackets; "0.0.0.0" and "::" are every address. */
  readonly address: string;
  readonly port: number;
  /** Where the platform names sockets: to find whose it is. */
  readonly inode?: string | undefined;
  readonly pid?: number | undefined;
  readonly name?: string | undefined;
}

/** Whether somebody on `held` is in the way of `wanted`; "" is every address. A listener on "::" may take IPv4 too. */
export function addressesMeet(wanted: string, held: string): boolean {
  if (isEvery(held) || isEvery(wanted)) return sameFamilyOrDual(wanted, held);
  return wanted === held;
}

function isEvery(address: string): boolean {
  return address === "" || address === "0.0.0.0" || address === "::";
}

function sameFamilyOrDual(wanted: string, held: string): boolean {
  if (wanted === "" || held === "" || held === "::" || wanted === "::") return true;
  return isIPv6(wanted) === isIPv6(held);
}

/** The listener most likely to be in the way: one on that very address, else one that meets it, else any. */
export function pickListener(listeners: readonly Listener[], address: string): Listener | undefined {
  return (
    listeners.find((each) => each.address === address) ??
    listeners.find((each) => addressesMeet(address, each.address)) ??
    listeners[0]
  );
}
