import { createServer } from "node:net";
import { probePort } from "./port-probe.ts";

/** Ports of the system's choice that are tried; one that is taken in the other family is rare. */
const tries = 20;

/** A port of this machine that nobody has, on IPv4 and on IPv6; undefined when none was found. */
export async function findFreePort(options: {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly signal: AbortSignal;
}): Promise<number | undefined> {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    options.signal.throwIfAborted();
    const number = await choose();
    if ((await probePort({ number, protocol: options.protocol, address: "" }, options)).free) return number;
  }
  return undefined;
}

/** Lets the system choose a TCP port. */
async function choose(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(0, () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return await promise;
}
