import type { Listener } from "./listener.ts";

/** What `lsof -F pcn` printed: a line per field, `p` begins a process, each `n` is one of its sockets. */
export function parseLsof(output: string, protocol: "tcp" | "udp", port: number): readonly Listener[] {
  const found: Listener[] = [];
  let pid: number | undefined;
  let name: string | undefined;
  for (const line of output.split("\n")) {
    const value = line.slice(1);
    if (line.startsWith("p")) [pid, name] = [Number(value), undefined];
    // lsof writes what is not printable, and the blank, as \xNN.
    if (line.startsWith("c"))
      name = value.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
    if (!line.startsWith("n")) continue;
    const colon = value.lastIndexOf(":");
    if (colon === -1 || value.slice(colon + 1) !== String(port)) continue;
    const host = value.slice(0, colon).replace(/^\[|\]$/g, "");
    found.push({ protocol, port, address: host === "*" ? "" : host, pid, name });
  }
  return found;
}
