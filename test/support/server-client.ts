import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { WebSocket } from "ws";

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Its JSON; undefined when it is none. */
  readonly body: unknown;
}

export interface AskOptions {
  readonly body?: unknown;
  readonly raw?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestStream extends AsyncDisposable {
  readonly status: number;
  next(): Promise<{ event: string; id: string; data: unknown }>;
  readonly ended: Promise<void>;
}

/** What a test asks a server with. */
export interface ServerClient {
  readonly ask: (method: string, path: string, options?: AskOptions) => Promise<Answer>;
  /** An event stream; `next` rejects when it has ended. */
  readonly stream: (path: string, headers?: Readonly<Record<string, string>>) => Promise<TestStream>;
  readonly terminal: (path: string, headers?: Readonly<Record<string, string>>) => WebSocket;
}

/** A client of a server on this machine; every request has a connection of its own. */
export function clientOf(port: number): ServerClient {
  const target = { host: "127.0.0.1", port };
  return {
    ask: (method, path, given = {}) => ask({ ...target, method, path }, given),
    stream: (path, headers = {}) => openStream({ ...target, method: "GET", path, headers }),
    terminal: (path, headers = {}) => new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers }),
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
  socket.on("message", (data) => queue.push(JSON.parse(Buffer.from(data as Buffer).toString("utf8"))));
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
  return typeof found === "string" ? found : JSON.stringify(found);
}
