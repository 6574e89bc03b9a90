import { mkdtemp, rm } from "node:fs/promises";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { openServerPort } from "../../../src/app/serve-server.ts";
import type { ServerPort } from "../../../src/app/types.ts";
import {
  createMemoryEngine,
  type MemoryEngine,
  type MemoryEngineOptions,
} from "../../../src/drivers/memory/memory-engine.ts";
import { startServer } from "../../../src/server/serve.ts";
import { readServerSettings } from "../../../src/server/settings.ts";

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Its JSON; undefined when it is none. */
  readonly body: unknown;
}

interface AskOptions {
  readonly body?: unknown;
  readonly raw?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server on a memory engine, over real HTTP. */
export interface TestServer extends AsyncDisposable {
  readonly engine: MemoryEngine;
  readonly port: ServerPort;
  readonly url: string;
  readonly tcpPort: number;
  /** Its log, parsed. */
  readonly lines: Record<string, unknown>[];
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** An event stream; `next` rejects when it has ended. */
  stream(path: string, headers?: Readonly<Record<string, string>>): Promise<TestStream>;
  terminal(path: string, headers?: Readonly<Record<string, string>>): WebSocket;
  /** Takes the engine away and waits until the server knows. */
  lose(): Promise<void>;
  audits(): Record<string, unknown>[];
  end(): Promise<void>;
}

export interface TestStream extends AsyncDisposable {
  readonly status: number;
  next(): Promise<{ event: string; id: string; data: unknown }>;
  readonly ended: Promise<void>;
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
  const agent = { host: "127.0.0.1", port: server.port };
  return {
    engine,
    port: opened,
    url: server.url,
    tcpPort: server.port,
    lines,
    ask: (method, path, given = {}) => ask({ ...agent, method, path }, given),
    stream: (path, headers = {}) => openStream({ ...agent, method: "GET", path, headers }),
    terminal: (path, headers = {}) => new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { headers }),
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

/** Resolves once it holds; looks again at every turn of the event loop, for at most 10 s. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(`it did not come to hold: ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function ask(
  target: { host: string; port: number; method: string; path: string },
  { body, raw, headers = {} }: AskOptions,
): Promise<Answer> {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const sent = request({ ...target, agent: false, headers: { ...type, ...headers } });
  const response = await respond(sent, content);
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text, body: parsed };
}

async function respond(
  sent: ClientRequest,
  content: string | Uint8Array | undefined,
): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    sent.once("response", resolve);
    sent.once("error", reject);
    sent.end(content);
  });
}

async function openStream(target: {
  host: string;
  port: number;
  method: string;
  path: string;
  headers: Readonly<Record<string, string>>;
}): Promise<TestStream> {
  const response = await respond(request({ ...target, agent: false }), undefined);
  response.setEncoding("utf8");
  const messages = readMessages(response);
  const ended = Promise.withResolvers<void>();
  response.once("close", () => ended.resolve());
  return {
    status: response.statusCode ?? 0,
    ended: ended.promise,
    async next() {
      const result = await messages.next();
      if (result.done === true) throw new Error("the stream has ended");
      return result.value;
    },
    async [Symbol.asyncDispose]() {
      response.destroy();
    },
  };
}

interface Message {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
}

/** Reads as it comes, whether or not somebody asks for it. */
function readMessages(response: IncomingMessage): AsyncGenerator<Message, void, undefined> {
  const queue = new Queue<Message>();
  let rest = "";
  response.on("data", (chunk: string) => {
    rest += chunk;
    for (let end = rest.indexOf("\n\n"); end !== -1; end = rest.indexOf("\n\n")) {
      const lines = rest.slice(0, end).split("\n");
      rest = rest.slice(end + 2);
      const field = (name: string): string =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
      const data = field("data");
      if (data !== "") queue.push({ event: field("event"), id: field("id"), data: JSON.parse(data) });
    }
  });
  response.on("close", () => queue.end());
  response.on("error", () => queue.end());
  return queue.values();
}

/** The client's side of a terminal, message by message, from now on. */
export function messagesOf(socket: WebSocket): AsyncGenerator<unknown, void, undefined> {
  const queue = new Queue<unknown>();
  socket.on("message", (data) => queue.push(JSON.parse(String(data))));
  socket.on("close", () => queue.end());
  socket.on("error", () => queue.end());
  return queue.values();
}

class Queue<T> {
  readonly #values: T[] = [];
  #isOver = false;
  #wake = (): void => {};

  push(value: T): void {
    this.#values.push(value);
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  async *values(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const [value] = this.#values.splice(0, 1);
      if (value !== undefined) yield value;
      else if (this.#isOver) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** What stands at a place in JSON, as text: `at(body, "items", 0, "id")`. Throws when nothing does. */
export function at(value: unknown, ...path: readonly (string | number)[]): string {
  let found: unknown = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) throw new Error(`nothing at ${path.join(".")}`);
    found = Reflect.get(found, key);
  }
  if (found === undefined) throw new Error(`nothing at ${path.join(".")}`);
  return String(found);
}
