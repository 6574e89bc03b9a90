import type { FailureDetails, HostPort } from "../failure.ts";
import type { Reading } from "../normalise.ts";

/** Where an engine writes the port it could not bind, best first. Nowhere else is looked: other digits mean other things. */
const places: readonly RegExp[] = [
  /\bBind for (?<at>\S+?)(?: failed:|: unexpected error)/i,
  /\bfailed to bind host port (?<number>\d+) for (?<at>\S+?): /i,
  /\bfailed to bind (?:host )?port (?:for )?(?<at>\S+?): /i,
  /\bexposing port (?<protocol>TCP|UDP|SCTP) (?<at>\S+) -> /i,
  /\blisten (?<protocol>tcp|udp|sctp)[46]? (?<at>\S+): bind: /i,
  /\bcannot expose (?:privileged )?port (?<number>\d+)\b/i,
  /\bFailed to bind port (?<number>\d+) \([^)]{0,80}\) for option '-(?<option>[tu]) /i,
  /\bPort\(s\) already bound: (?<number>\d+): /i,
];

/** The port a text is about, if it says so. */
export function readPort(reading: Reading): FailureDetails {
  for (const place of places) {
    const groups = place.exec(reading.text)?.groups;
    if (groups === undefined) continue;
    const protocol = groups.protocol ?? (groups.option?.toLowerCase() === "u" ? "udp" : undefined);
    const port = hostPort({ at: groups.at ?? "", number: groups.number, protocol });
    return port === undefined ? {} : { port };
  }
  return {};
}

interface Written {
  /** "0.0.0.0:80", ":::80", "[::1]:80/udp", or moby 28's "0.0.0.0:80:172.17.0.2:80/tcp". */
  readonly at: string;
  /** Where it stands apart from the address. */
  readonly number: string | undefined;
  readonly protocol: string | undefined;
}

function hostPort(written: Written): HostPort | undefined {
  const slash = /\/(tcp|udp|sctp)$/i.exec(written.at);
  const at = slash === null ? written.at : written.at.slice(0, slash.index);
  const protocol = protocolOf(written.protocol ?? slash?.[1]);
  const split = splitHost(at);
  const number = portNumber(written.number ?? split?.number);
  if (number === undefined) return undefined;
  const address = split?.address ?? "";
  return { address, number, protocol };
}

/** At the last colon, to survive IPv6; where the container's address follows, after the host's. */
function splitHost(at: string): { readonly address: string; readonly number: string } | undefined {
  const leading =
    /^(?<address>\d{1,3}(?:\.\d{1,3}){3}|\[[^\]]{0,60}\]):(?<number>\d{1,5})(?:-\d{1,5})?(?::|$)/.exec(at);
  if (leading?.groups !== undefined) {
    const { address = "", number = "" } = leading.groups;
    return { address: bare(address), number };
  }
  const colon = at.lastIndexOf(":");
  if (colon === -1) return undefined;
  const address = bare(at.slice(0, colon));
  return isAddress(address) ? { address, number: at.slice(colon + 1) } : undefined;
}

function bare(address: string): string {
  return address.startsWith("[") && address.endsWith("]") ? address.slice(1, -1) : address;
}

/** An address, or nothing. Two addresses in one, as moby 28 writes for IPv6 without brackets, are none. */
function isAddress(text: string): boolean {
  if (text === "" || text === "*" || text === "localhost" || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text))
    return true;
  if (!/^[0-9a-f:]{2,39}(?:%\w{1,20})?$/i.test(text) || text.includes(":::")) return false;
  const groups = text.split(":");
  return (
    text.split("::").length <= 2 &&
    groups.length <= 9 &&
    groups.every((group) => !/^[0-9a-f]{5}/i.test(group))
  );
}

function portNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= 1 && number <= 65_535 ? number : undefined;
}

function protocolOf(text: string | undefined): HostPort["protocol"] {
  const lower = text?.toLowerCase();
  return lower === "udp" || lower === "sctp" ? lower : "tcp";
}
