import { isIPv4, isIPv6 } from "node:net";
import type { PortMapping } from "./container-spec.ts";
import { type Parsed, parsed, unparsed } from "./parsed.ts";

const expectedMapping = 'a port such as 8080, "8080:80", "127.0.0.1:8080:80" or "8080:80/udp"';
/** Longest range taken: each port costs the engine a proxy process. */
const maxRange = 1000;

interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * Port mappings of one declared port: `8080` (the same on both sides), `host:container`, `address:host:container`,
 * each side also a range `8000-8003`, an IPv6 address in brackets, `/udp` or `/sctp` behind. Host port 0 is any free
 * one. Without an address: 127.0.0.1.
 */
export function parsePortMappings(text: string): Parsed<readonly PortMapping[]> {
  const slash = text.lastIndexOf("/");
  const protocol = slash === -1 ? "tcp" : text.slice(slash + 1);
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp")
    return unparsed("protocol tcp, udp or sctp");
  const sides = splitSides(slash === -1 ? text : text.slice(0, slash));
  if (sides === undefined) return unparsed(expectedMapping);
  const hostIp = sides.address ?? "127.0.0.1";
  if (hostIp !== "" && !isIPv4(hostIp) && !isIPv6(hostIp))
    return unparsed("an IPv4 address, or an IPv6 one in brackets");
  const container = parseRange(sides.container);
  const host = sides.host === undefined ? container : parseRange(sides.host);
  if (container === undefined || host === undefined) return unparsed(expectedMapping);
  if (container.first < 1 || container.last > 65_535) return unparsed("a container port from 1 to 65535");
  if (host.last > 65_535) return unparsed("a host port from 0 to 65535");
  const count = container.last - container.first + 1;
  if (count < 1 || host.last < host.first) return unparsed("a range from a lower to a higher port");
  if (count > maxRange) return unparsed(`a range of at most ${maxRange} ports`);
  const isAnyFree = host.first === 0 && host.last === 0;
  if (!isAnyFree && host.last - host.first + 1 !== count)
    return unparsed("ranges of equal length on both sides");
  if (!isAnyFree && host.first === 0) return unparsed("a host range that starts at 1 or above");
  return parsed(
    Array.from({ length: count }, (_, index) => ({
      hostIp,
      hostPort: isAnyFree ? 0 : host.first + index,
      containerPort: container.first + index,
      protocol,
    })),
  );
}

/** A port number from `min` to 65535 in decimal digits. */
export function parsePort(text: string, min: 0 | 1): Parsed<number> {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port >= min && port <= 65_535 ? parsed(port) : unparsed(`a port from ${min} to 65535`);
}

function splitSides(
  text: string,
): { address: string | undefined; host: string | undefined; container: string } | undefined {
  if (text.startsWith("[")) {
    const close = text.indexOf("]:");
    const [host, container, ...rest] = close === -1 ? [] : text.slice(close + 2).split(":");
    if (host === undefined || container === undefined || rest.length > 0) return undefined;
    return { address: text.slice(1, close), host, container };
  }
  const parts = text.split(":");
  const [first = "", second = "", third = ""] = parts;
  if (parts.length === 1) return { address: undefined, host: undefined, container: first };
  if (parts.length === 2) return { address: undefined, host: first, container: second };
  return parts.length === 3 && first !== "" ? { address: first, host: second, container: third } : undefined;
}

function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  return { first, last: match[2] === undefined ? first : Number(match[2]) };
}
