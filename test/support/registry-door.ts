import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine } from "../bed/engine.ts";
import { endDaemon, startDaemon, tailOf, waitFor } from "../bed/processes.ts";
import type { Registry } from "../bed/registry.ts";

// Inside the engine's network: each connection goes on through a unix socket, which no network separates. When the
// registry refuses it, so does the port, as far as a listener can: it resets the connection.
const script = `
const net = require("node:net");
const [port, path] = process.argv.slice(1);
net.createServer({ allowHalfOpen: true }, (inside) => {
  const outside = net.connect({ path, allowHalfOpen: true });
  inside.on("error", () => outside.destroy()).pipe(outside);
  outside.on("error", () => inside.resetAndDestroy()).on("close", () => inside.destroy()).pipe(inside);
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
`;

/** Makes a registry of the test reachable from an engine's own network, at the same address. */
export async function openRegistryDoor(engine: Engine, registry: Registry): Promise<AsyncDisposable> {
  const port = Number(registry.address.split(":").at(-1));
  const folder = await mkdtemp(join(tmpdir(), "lash-d-"));
  const path = join(folder, "s");
  const logFile = join(folder, "log");
  const open = new Set<Socket>();
  const track = (socket: Socket): Socket =>
    open.add(socket) && socket.once("close", () => open.delete(socket));
  const server = createServer({ allowHalfOpen: true }, (inside) => {
    const registrySide = createConnection({ port, host: "127.0.0.1", allowHalfOpen: true });
    track(inside).on("error", () => registrySide.destroy());
    track(registrySide)
      .on("error", () => inside.destroy())
      .on("close", () => inside.destroy());
    inside.pipe(registrySide);
    registrySide.pipe(inside);
  });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  const argv = engine.nsenterArgv([process.execPath, "-e", script, String(port), path]);
  const daemon = await startDaemon(argv, { logFile, env: { ...process.env } });
  const close = async (): Promise<void> => {
    await endDaemon(daemon, { graceMs: 2000 });
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => void server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  };
  await waitFor(async () => ((await tailOf(logFile)).includes("listening") ? true : undefined), {
    timeoutMs: 10_000,
    describe: async () => `the door to the registry does not open: ${await tailOf(logFile)}`,
  }).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { [Symbol.asyncDispose]: close };
}
