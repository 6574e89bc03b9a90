import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine } from "../bed/engine.ts";
import { endDaemon, startDaemon, waitFor } from "../bed/processes.ts";

/** A process of the host that has a port. */
export interface Listener extends AsyncDisposable {
  readonly pid: number;
  isAlive(): boolean;
}

const script = `
const [host, port] = process.argv.slice(1);
require("node:net").createServer((socket) => socket.end()).listen({ host, port: Number(port), ipv6Only: true }, () => console.log("listening"));
`;

/** Starts a process that listens in the engine's network, on IPv6 alone when the address is of that kind. */
export async function listenIn(
  engine: Engine,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<Listener> {
  const folder = await mkdtemp(join(tmpdir(), "lash-l-"));
  const logFile = join(folder, "log");
  const argv = engine.nsenterArgv([process.execPath, "-e", script, address, String(port)]);
  const daemon = await startDaemon(argv, { logFile, env: { ...process.env } });
  const stop = async (): Promise<void> => {
    await endDaemon(daemon, { graceMs: 2000 });
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(
      async () => {
        const said = await readFile(logFile, "utf8");
        if (!daemon.isAlive()) throw new Error(`Cannot listen on ${address}:${port}: ${said}`);
        return said.includes("listening") ? true : undefined;
      },
      { timeoutMs: 10_000, describe: () => `nobody listens on ${address}:${port}` },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: daemon.pid, isAlive: () => daemon.isAlive(), [Symbol.asyncDispose]: stop };
}
