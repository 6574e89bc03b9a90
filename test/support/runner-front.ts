import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { bodyHash, signatureHeaders, signatureOf } from "../../src/runner/protocol/signature.ts";

/** What is done with requests from now on. */
export type FrontMode =
  | { readonly mode: "pass" }
  /** Nobody listens, and what was open is cut. */
  | { readonly mode: "closed" }
  /** Accepts and never answers; open streams fall silent. What is held is cut when the mode ends. */
  | { readonly mode: "hang" }
  /** Every answer breaks off in the middle. */
  | { readonly mode: "cut" }
  /** Streams and WebSockets are cut after a moment, other answers pass. */
  | { readonly mode: "cut-streams"; readonly afterMs: number }
  /** The sender's clock looks off by so much: the time is another, and the signature made anew over it. */
  | { readonly mode: "skew"; readonly offsetMs: number; readonly secret: string };

/** A request as it arrived. */
export interface FrontRequest {
  readonly method: string;
  readonly path: string;
  /** On performance.now(). */
  readonly at: number;
  /** When its answer ended, or its connection. */
  readonly endedAt: number | undefined;
}

/** An HTTP proxy in front of a runner that can misbehave, be pointed elsewhere, and counts. */
export interface Front extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly FrontRequest[];
  set(mode: FrontMode): Promise<void>;
  /** Where requests go from now on. */
  follow(target: string): void;
  /** Requests of the monitor, from that moment on. */
  probes(since?: number): readonly FrontRequest[];
  /** How many probes were under way at once, at most. */
  mostProbesAtOnce(): number;
  /** Streams that are open and of which something has come through. */
  readonly streams: number;
  /** Ends all of them. */
  cutStreams(): void;
}

export async function startFront(target: string): Promise<Front> {
  return await new RunnerFront(target).start();
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

class RunnerFront implements Front {
  readonly #requests: Writable<FrontRequest>[] = [];
  readonly #connections = new Set<Socket>();
  readonly #streams = new Set<{ destroy(): unknown }>();
  readonly #answers = new Set<{ readonly from: IncomingMessage; readonly to: ServerResponse }>();
  readonly #server = createServer(
    (incoming, outgoing) => void this.#answer(incoming, outgoing).catch(() => outgoing.destroy()),
  );
  #target: URL;
  #mode: FrontMode = { mode: "pass" };
  #port = 0;
  #begun = 0;

  constructor(target: string) {
    this.#target = new URL(target);
    this.#server.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => this.#connections.delete(socket));
    });
    this.#server.on("upgrade", (incoming: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(incoming, socket, head),
    );
    this.#server.on("clientError", (_, socket) => socket.destroy());
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get requests(): readonly FrontRequest[] {
    return this.#requests;
  }

  get streams(): number {
    return this.#begun;
  }

  async start(): Promise<this> {
    await this.#listen(0);
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async set(mode: FrontMode): Promise<void> {
    const before = this.#mode.mode;
    this.#mode = mode;
    if (mode.mode === "hang") for (const { from, to } of this.#answers) from.unpipe(to);
    if (mode.mode === "closed") await this.#close();
    else if (!this.#server.listening) await this.#listen(this.#port);
    if (mode.mode === "cut" || mode.mode === "cut-streams") this.cutStreams();
    if (before === "hang" && mode.mode !== "hang") this.#cutAll();
  }

  follow(target: string): void {
    this.#target = new URL(target);
  }

  probes(since = 0): readonly FrontRequest[] {
    return this.#requests.filter(({ path, at }) => path === "/v1/ready" && at >= since);
  }

  mostProbesAtOnce(): number {
    const probes = this.probes();
    const atOnce = probes.map(
      ({ at }) =>
        probes.filter((one) => one.at <= at && (one.endedAt === undefined || one.endedAt > at)).length,
    );
    return Math.max(0, ...atOnce);
  }

  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  #record(incoming: IncomingMessage): Writable<FrontRequest> {
    const { method = "", url = "" } = incoming;
    const [path = ""] = url.split("?");
    const entry = { method, path, at: performance.now(), endedAt: undefined };
    this.#requests.push(entry);
    return entry;
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const entry = this.#record(incoming);
    outgoing.once("close", () => {
      entry.endedAt = performance.now();
    });
    const mode = this.#mode;
    if (mode.mode === "hang") return;
    const body = mode.mode === "skew" ? await readAll(incoming) : undefined;
    const onward = request({
      host: this.#target.hostname,
      port: this.#target.port,
      method: incoming.method,
      path: incoming.url,
      headers: this.#headers(incoming, body),
      agent: false,
    });
    outgoing.once("close", () => onward.destroy());
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      onward.once("response", resolve);
      onward.on("error", reject);
    });
    if (body === undefined) incoming.pipe(onward);
    else onward.end(body);
    // As nginx answers for a service that is not there.
    const from = await answered.catch(() => undefined);
    if (from === undefined) {
      outgoing.writeHead(502, { "content-type": "text/html" }).end("<h1>502 Bad Gateway</h1>");
      return;
    }
    this.#pass(from, outgoing);
  }

  #pass(from: IncomingMessage, to: ServerResponse): void {
    const mode = this.#mode;
    // It fell silent before the answer came.
    if (mode.mode === "hang") return;
    from.on("error", () => to.destroy());
    to.writeHead(from.statusCode ?? 502, from.headers);
    if (mode.mode === "cut") {
      to.write("{", () => to.destroy());
      return;
    }
    const answer = { from, to };
    this.#answers.add(answer);
    to.once("close", () => this.#answers.delete(answer));
    if (String(from.headers["content-type"]).startsWith("text/event-stream")) {
      this.#streams.add(to);
      // On its way once this turn is over: what is cut then is cut after its head, not before.
      from.once("data", () =>
        setImmediate(() => {
          if (to.destroyed) return;
          this.#begun += 1;
          to.once("close", () => {
            this.#begun -= 1;
          });
        }),
      );
      to.once("close", () => this.#streams.delete(to));
      if (mode.mode === "cut-streams") setTimeout(() => to.destroy(), mode.afterMs);
    }
    from.pipe(to);
  }

  #upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    const entry = this.#record(incoming);
    socket.once("close", () => {
      entry.endedAt = performance.now();
    });
    const mode = this.#mode;
    if (mode.mode === "hang") return;
    if (mode.mode === "cut") {
      socket.destroy();
      return;
    }
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    upstream.on("error", () => socket.destroy());
    upstream.once("close", () => socket.destroy());
    socket.once("close", () => upstream.destroy());
    this.#streams.add(socket);
    socket.once("close", () => this.#streams.delete(socket));
    const headers = Object.entries(this.#headers(incoming, Buffer.alloc(0)));
    const lines = headers.map(([name, value]) => `${name}: ${String(value)}\r\n`).join("");
    upstream.write(`GET ${incoming.url ?? ""} HTTP/1.1\r\n${lines}\r\n`);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    if (mode.mode === "cut-streams") setTimeout(() => socket.destroy(), mode.afterMs);
  }

  #headers(
    { method = "", url = "", headers }: IncomingMessage,
    body: Buffer | undefined,
  ): IncomingHttpHeaders {
    const { [signatureHeaders.timestamp]: sent, [signatureHeaders.nonce]: nonce } = headers;
    const mode = this.#mode;
    if (mode.mode !== "skew" || body === undefined || typeof sent !== "string") return headers;
    const timestamp = String(Number(sent) + mode.offsetMs);
    const parts = { method, path: url, timestamp, nonce: String(nonce), bodyHash: bodyHash(body) };
    return {
      ...headers,
      [signatureHeaders.timestamp]: timestamp,
      [signatureHeaders.signature]: signatureOf(parts, mode.secret).toString("base64"),
    };
  }

  async #listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  async #close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#cutAll();
    await closed;
  }

  #cutAll(): void {
    for (const socket of this.#connections) socket.destroy();
  }
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
