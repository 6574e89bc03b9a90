import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Identity of this machine for labels: a hash, so the label tells nothing about it. Stable across reboots. */
export function machineId(): string {
  for (const path of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
    try {
      const id = readFileSync(path, "utf8").trim();
      if (id !== "") return digest(id);
    } catch {
      // Absent on macOS and in many containers: the host name has to do.
    }
  }
  return digest(hostname());
}

function digest(text: string): string {
  return createHash("sha256").update(`lash ${text}`).digest("hex").slice(0, 12);
}
