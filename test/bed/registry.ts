import { mkdir, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { askEngine, callEngine } from "./engine-api.ts";
import { type FaultProxy, openFaultProxy } from "./fault-proxy.ts";
import { cachePart, makeRunFolder, removeRunFolder } from "./places.ts";
import { type Daemon, endDaemon, startDaemon, tailOf, waitFor } from "./processes.ts";

/** Who may use a registry started with `auth: true`. */
export const registryLogin = { username: "lash", password: "lash-secret" } as const;

/** The line htpasswd would write for the login above: bcrypt at its lowest cost, so that tests do not wait for it. */
const htpasswdLine = "lash:$2y$05$abcdefghijklmnopqrstuueWpNUEa3iif9eU5olEdEobl3soC//Hq\n";

export interface RegistryOptions {
  /** Of the fault proxy, which clients use. Default: a free one. */
  readonly port?: number;
  /** Asks for the registryLogin. */
  readonly auth?: boolean;
  readonly signal?: AbortSignal;
}

/** A real registry on loopback with a fault proxy in front. Only an engine in the run's own network reaches it. */
export interface Registry extends AsyncDisposable {
  /** What stands before the repository in an image's name: "127.0.0.1:PORT". */
  readonly address: string;
  readonly faults: FaultProxy;
  readonly logFile: string;
  /** Copies an image of the engine here and returns its name in this registry; the engine loses the new tag again. */
  push(socket: string, image: string, repository: string): Promise<string>;
  stop(): Promise<void>;
}

/** Value of the X-Registry-Auth header, with which an engine may use a locked registry. */
export function registryAuthHeader(address: string): string {
  return Buffer.from(JSON.stringify({ ...registryLogin, serveraddress: address })).toString("base64url");
}

/** Starts a registry, about 0.15 s. Its contents go with it. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const folder = await makeRunFolder("r");
  const logFile = join(folder, "log");
  const upstreamPort = await freePort();
  const binary = join(cachePart("registry"), "bin", "docker-registry");
  await writeConfiguration(folder, upstreamPort, options.auth ?? false);
  const daemon = await startDaemon([binary, "serve", join(folder, "config.yml")], {
    logFile,
    env: { ...process.env },
  });
  try {
    await untilServing(daemon, { port: upstreamPort, logFile, signal: options.signal });
    const faults = await openFaultProxy({ port: options.port ?? 0, upstreamPort });
    const address = `127.0.0.1:${faults.port}`;
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopped ??= end(daemon, { folder, faults });
      return stopped;
    };
    return {
      address,
      faults,
      logFile,
      push: (socket, image, repository) => push(socket, image, { address, repository }),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await end(daemon, { folder });
    throw error;
  }
}

async function writeConfiguration(folder: string, port: number, auth: boolean): Promise<void> {
  const passwords = join(folder, "htpasswd");
  await mkdir(join(folder, "data"));
  await writeFile(passwords, htpasswdLine);
  const config = {
    version: 0.1,
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    ...(auth ? { auth: { htpasswd: { realm: "lash", path: passwords } } } : {}),
  };
  // JSON is YAML.
  await writeFile(join(folder, "config.yml"), JSON.stringify(config));
}

async function untilServing(
  daemon: Daemon,
  options: { readonly port: number; readonly logFile: string; readonly signal?: AbortSignal },
): Promise<void> {
  await waitFor(
    async () => {
      if (!daemon.isAlive()) {
        throw new Error(`Cannot start the registry: it ended at once\n${await tailOf(options.logFile)}`);
      }
      const answer = await fetch(`http://127.0.0.1:${options.port}/v2/`, {
        signal: AbortSignal.timeout(1000),
      }).catch(() => undefined);
      await answer?.body?.cancel();
      return answer === undefined ? undefined : true;
    },
    {
      timeoutMs: 10_000,
      signal: options.signal,
      describe: async () =>
        `Cannot start the registry: no answer after 10 s\n${await tailOf(options.logFile)}`,
    },
  );
}

async function push(
  socket: string,
  image: string,
  target: { readonly address: string; readonly repository: string },
): Promise<string> {
  const name = `${target.address}/${target.repository}`;
  const [repository = "", tag = "latest"] = splitTag(name);
  const query = `repo=${encodeURIComponent(repository)}&tag=${encodeURIComponent(tag)}`;
  await askEngine(socket, `/images/${encodeURIComponent(image)}/tag?${query}`, { method: "POST" });
  try {
    const answer = await callEngine(
      socket,
      `/images/${encodeURIComponent(repository)}/push?tag=${encodeURIComponent(tag)}`,
      {
        method: "POST",
        headers: { "x-registry-auth": registryAuthHeader(target.address) },
        timeoutMs: 120_000,
      },
    );
    if (answer.status !== 200 || answer.text.includes('"errorDetail"')) {
      throw new Error(`Cannot push "${name}": ${answer.status} ${answer.text.trim().split("\n").at(-1)}`);
    }
  } finally {
    await callEngine(socket, `/images/${encodeURIComponent(`${repository}:${tag}`)}?noprune=1`, {
      method: "DELETE",
    });
  }
  return `${repository}:${tag}`;
}

function splitTag(name: string): string[] {
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? [name.slice(0, colon), name.slice(colon + 1)] : [name];
}

async function end(
  daemon: Daemon,
  things: { readonly folder: string; readonly faults?: FaultProxy },
): Promise<void> {
  await things.faults?.close();
  await endDaemon(daemon, { graceMs: 2000 });
  await removeRunFolder(things.folder);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
