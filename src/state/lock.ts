import { readdir, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

/** Who holds a stack. */
export interface Holder {
  readonly pid: number;
  /** "up" in a terminal, "supervisor" in the background, or a short command such as "down". */
  readonly role: string;
  readonly manifest: string;
  /** ISO 8601. */
  readonly since: string;
}

/** The right to change one stack, and the socket others reach its holder by. Ends on disposal or with the process. */
export interface Lock extends AsyncDisposable {
  /** Server that accepts control connections; see control.ts. */
  readonly server: Server;
}

export type LockAttempt =
  | { readonly type: "acquired"; readonly lock: Lock }
  | { readonly type: "held"; readonly socket: string };

/** Path of the control socket of a stack. */
export function controlSocket(directory: string, key: string): string {
  return join(directory, `${key}.sock`);
}

/** Control sockets of all stacks that somebody holds, or held when it was killed. */
export async function controlSockets(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(".sock"));
}

/**
 * Tries once to become the holder. The lock is a listening socket, so it dies with its holder, however that ends. On
 * Linux an abstract socket decides (no file, so nothing stale to take over); elsewhere the socket file itself, and a
 * file nobody listens on is replaced.
 */
export async function acquireLock(directory: string, key: string): Promise<LockAttempt> {
  const socket = controlSocket(directory, key);
  let guard: Server | undefined;
  if (process.platform === "linux") {
    guard = await listen(`\0lash/${process.getuid?.() ?? 0}/${key}`);
    if (guard === undefined) return { type: "held", socket };
  } else if (await answers(socket)) {
    return { type: "held", socket };
  }
  await rm(socket, { force: true });
  const server = await listen(socket);
  if (server === undefined) {
    await close(guard);
    return { type: "held", socket };
  }
  return {
    type: "acquired",
    lock: {
      server,
      async [Symbol.asyncDispose]() {
        await close(server);
        await rm(socket, { force: true });
        await close(guard);
      },
    },
  };
}

/** Listens there; undefined when somebody else does. Never keeps the process alive. */
async function listen(path: string): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen({ path }, () => {
      server.unref();
      server.removeAllListeners("error");
      server.on("error", () => {});
      resolve(server);
    });
  });
}

async function close(server: Server | undefined): Promise<void> {
  if (server === undefined) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

async function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => resolve(false));
  });
}
