import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openServerPort } from "../../../src/app/serve-server.ts";
import type { ServerPort } from "../../../src/app/types.ts";
import {
  createMemoryEngine,
  type MemoryEngine,
  type MemoryEngineOptions,
} from "../../../src/drivers/memory/memory-engine.ts";
import { startServer } from "../../../src/server/serve.ts";
import { readServerSettings } from "../../../src/server/settings.ts";
import { clientOf, type ServerClient, until } from "../../support/server-client.ts";

/** A server on a memory engine, over real HTTP. */
export interface TestServer extends ServerClient, AsyncDisposable {
  readonly engine: MemoryEngine;
  readonly port: ServerPort;
  readonly url: string;
  readonly tcpPort: number;
  /** Its log, parsed. */
  readonly lines: Record<string, unknown>[];
  /** Takes the engine away and waits until the server knows. */
  lose(): Promise<void>;
  audits(): Record<string, unknown>[];
  end(): Promise<void>;
}

export interface TestServerOptions {
  readonly engine?: MemoryEngine | undefined;
  readonly memory?: MemoryEngineOptions | undefined;
  readonly local?: boolean | undefined;
  readonly settings?: Readonly<Record<string, string>> | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly stacks?: string | undefined;
  /** Do not wait until the engine is up. */
  readonly down?: boolean | undefined;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const engine = options.engine ?? createMemoryEngine(options.memory);
  if (options.down === true) engine.disconnect();
  const folder = await mkdtemp(join(tmpdir(), "lash-server-"));
  const lines: Record<string, unknown>[] = [];
  let port: ServerPort | undefined;
  const server = await startServer({
    settings: readServerSettings({
      LASH_SERVER_PORT: "0",
      LASH_SERVER_LOG_LEVEL: "debug",
      ...options.settings,
    }),
    log: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    open: async (hooks) => {
      port = await openServerPort({
        environment: {
          PATH: process.env["PATH"],
          DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS: "60000",
          DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS: "60000",
          ...options.environment,
        },
        hooks,
        signal: new AbortController().signal,
        data: folder,
        stacks: options.stacks,
        engine: {
          dependency: options.local === true ? "engine" : "docker-runner",
          baseUrl: "http://runner.example:7071",
          socketPath: undefined,
          current: () => engine,
          probe: async ({ signal }) => {
            await engine.info({ signal });
          },
          [Symbol.asyncDispose]: async () => {},
        },
      });
      return port;
    },
  });
  if (port === undefined) throw new Error("the server did not open its port");
  const opened = port;
  if (options.down !== true) await until(() => opened.dependency.isUp);
  return {
    engine,
    port: opened,
    url: server.url,
    tcpPort: server.port,
    lines,
    ...clientOf(server.port),
    async lose() {
      engine.disconnect();
      opened.dependency.suspect();
      await until(() => !opened.dependency.isUp);
    },
    audits: () => lines.filter(({ type }) => type === "audit"),
    end: async () => await server[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      if (options.engine === undefined) await engine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

export { at, messagesOf, until } from "../../support/server-client.ts";
