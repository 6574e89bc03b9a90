import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createRawServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Endpoint, unixEndpoint } from "../endpoint.ts";

/** An engine that answers as a test tells it, on a unix socket in a folder of its own. */
export interface ScriptedEngine extends AsyncDisposable {
  readonly endpoint: Endpoint;
  /** `METHOD path` of every request so far. */
  readonly requests: string[];
  /** Connections opened so far. */
  readonly connections: Socket[];
}

interface ScriptedRequest {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Script = (request: ScriptedRequest, response: ServerResponse) => void;

/** Answers `/_ping` as an engine of this API version and everything else by the script. */
export async function scriptEngine(
  script: Script,
  apiVersion = "1.41",
  product = "Docker/20.10.24 (linux)",
): Promise<ScriptedEngine> {
  const requests: string[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const request = {
        method: message.method ?? "",
        path: message.url ?? "",
        headers: message.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      requests.push(`${request.method} ${request.path}`);
      if (request.path === "/_ping") {
        response.setHeader("Api-Version", apiVersion);
        response.setHeader("Server", product);
        response.end("OK");
      } else script(request, response);
    });
  });
  return await listen(server, requests);
}

/** Hands over every connection as it is. */
export async function scriptConnections(onConnection: (socket: Socket) => void): Promise<ScriptedEngine> {
  return await listen(createRawServer(onConnection), []);
}

async function listen(server: Server, requests: string[]): Promise<ScriptedEngine> {
  const folder = await mkdtemp(join(tmpdir(), "lash-api-"));
  const path = join(folder, "s");
  const connections: Socket[] = [];
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => {});
    connections.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    endpoint: unixEndpoint(path),
    requests,
    connections,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

/** The bytes in pieces, cut at these places. */
export async function* inPieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  for (const [index, from] of places.entries()) {
    const to = places[index + 1];
    if (to !== undefined) yield bytes.subarray(from, to);
  }
}

/** One message of the framed stream. */
export function frame(stream: "stdout" | "stderr", payload: string | Uint8Array): Buffer {
  const bytes = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header[0] = stream === "stderr" ? 2 : 1;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
