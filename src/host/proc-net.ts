import type { Listener } from "./listener.ts";

/** State of a TCP socket that listens, and of a UDP socket that is not connected to one peer. */
const waiting = { tcp: "0A", udp: "07" } as const;

/**
 * Sockets that wait on this port, of a table such as /proc/net/tcp or /proc/net/udp6. Lines of another form are left
 * out: proc_net_tcp.rst of Linux fixes only the first columns, up to the inode.
 */
export function parseProcNet(table: string, protocol: "tcp" | "udp", port: number): readonly Listener[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [, local = "", , state = ""] = fields;
    const [hexAddress = "", hexPort] = local.split(":");
    if (hexPort !== hex || state !== waiting[protocol]) return [];
    const address = parseHexAddress(hexAddress);
    return address === undefined ? [] : [{ protocol, address, port, inode: fields[9] }];
  });
}

/** An address as the kernel prints it: words of four bytes, on a little-endian machine the last byte first. */
function parseHexAddress(hex: string): string | undefined {
  if (!/^(?:[0-9A-F]{8}|[0-9A-F]{32})$/i.test(hex)) return undefined;
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).toReversed(),
  );
  if (bytes.length === 4) return bytes.join(".");
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return isMapped ? bytes.slice(12).join(".") : ipv6Text(bytes);
}

/** RFC 5952: no leading zeros, the longest run of zeros as "::". */
function ipv6Text(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
  );
  const text = groups.join(":");
  const runs = [...text.matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)].map(([run]) => run);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  const at = text.indexOf(longest);
  const before = text.slice(0, at).replace(/:$/, "");
  const after = text.slice(at + longest.length).replace(/^:/, "");
  return `${before}::${after}`;
}

/** The range of ip_local_reserved_ports ("8080,9148-9150") that holds this port. */
export function reservedRange(text: string, port: number): string | undefined {
  return text
    .trim()
    .split(",")
    .find((range) => {
      const match = /^(\d+)(?:-(\d+))?$/.exec(range);
      if (match === null) return false;
      const first = Number(match[1]);
      const last = match[2] === undefined ? first : Number(match[2]);
      return first <= port && port <= last;
    });
}
