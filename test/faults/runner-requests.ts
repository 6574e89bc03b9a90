import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { z } from "zod";
import type { JsonObject, JsonValue } from "../../src/model/json.ts";
import { body as bodies } from "../../src/runner/protocol/requests.ts";
import { bodyHash, bodyHashHeader, signedHeaders } from "../../src/runner/protocol/signature.ts";
import { oddValues, pick, type Random, sample, spoil } from "../support/json-samples.ts";

/** What came of it. */
export interface RequestsResult {
  readonly byStatus: Readonly<Record<string, number>>;
  /** Answers that must not be, with what was sent: empty when all is well. */
  readonly problems: readonly string[];
}

export interface RequestsOptions {
  readonly url: string;
  readonly sharedSecret: string;
  readonly requests: number;
  readonly random: Random;
}

interface RunnerRoute {
  readonly method: string;
  readonly path: string;
  readonly query?: readonly string[];
  readonly body?: z.ZodType;
}

/** The runner has no document of its own: its routes as src/runner/routes has them, its bodies by their own schemas. */
const routes: readonly RunnerRoute[] = [
  { method: "GET", path: "/v1/health" },
  { method: "GET", path: "/v1/ready" },
  { method: "GET", path: "/v1/info" },
  { method: "GET", path: "/v1/containers", query: ["label"] },
  { method: "POST", path: "/v1/containers", body: bodies.create },
  { method: "GET", path: "/v1/containers/{name}" },
  { method: "DELETE", path: "/v1/containers/{name}" },
  { method: "POST", path: "/v1/containers/{name}/start" },
  { method: "POST", path: "/v1/containers/{name}/stop", body: bodies.stop },
  { method: "POST", path: "/v1/containers/{name}/kill", body: bodies.kill },
  { method: "POST", path: "/v1/containers/{name}/rename", body: bodies.rename },
  { method: "GET", path: "/v1/containers/{name}/wait" },
  { method: "GET", path: "/v1/containers/{name}/logs", query: ["follow", "tail", "since"] },
  { method: "POST", path: "/v1/containers/{name}/exec", body: bodies.exec },
  { method: "POST", path: "/v1/containers/{name}/commit", body: bodies.commit },
  { method: "GET", path: "/v1/execs/{name}/socket" },
  { method: "GET", path: "/v1/events", query: ["label", "sinceMs"] },
  { method: "GET", path: "/v1/images", query: ["reference"] },
  { method: "DELETE", path: "/v1/images", query: ["reference"] },
  { method: "POST", path: "/v1/images/pull", body: bodies.pull },
  { method: "POST", path: "/v1/build", body: bodies.build },
  ...["network", "volume"].flatMap((kind): RunnerRoute[] => [
    { method: "GET", path: `/v1/${kind}s`, query: ["label"] },
    { method: "POST", path: `/v1/${kind}s`, body: kind === "network" ? bodies.network : bodies.volume },
    { method: "GET", path: `/v1/${kind}s/{name}` },
    { method: "DELETE", path: `/v1/${kind}s/{name}` },
  ]),
];
const schemas = new Map(
  routes.flatMap(({ body }) =>
    body === undefined ? [] : [[body, z.toJSONSchema(body, { io: "input" }) as unknown as JsonObject]],
  ),
);
const texts = ["one", "two", "work:1", "far:1", "request-1", "request-2", "SIGTERM", "true", "5", "none"];

const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  { "x-dr-signature": "short" },
  { "x-dr-timestamp": "x" },
  { "x-dr-nonce": "a, b" },
  { "last-event-id": "1*1" },
  { "content-encoding": "gzip" },
];

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Requests to every route of a runner, most of them signed, many wrong in one place. */
export async function fuzzRunnerRoutes(options: RequestsOptions): Promise<RequestsResult> {
  const tally = new Tally(false);
  for (let count = 0; count < options.requests; count += 1) {
    const sent = makeRequest(options);
    const { status, text } = await send(options.url, sent);
    const words = `${sent.method} ${sent.path.slice(0, 200)} ${sent.body.slice(0, 300)}`;
    tally.add(status, { sent: words, answer: text });
  }
  return tally;
}

/** Bytes that are nearly HTTP, or not at all. */
export async function fuzzRunnerBytes(options: RequestsOptions): Promise<RequestsResult> {
  const tally = new Tally(true);
  for (let count = 0; count < options.requests; count += 8) {
    const batch = Array.from({ length: Math.min(8, options.requests - count) }, () => makeBytes(options));
    const answers = await Promise.all(batch.map(async (bytes) => await sendBytes(options.url, bytes)));
    for (const [index, answer] of answers.entries()) {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "none";
      tally.add(status, { sent: JSON.stringify(batch[index]?.toString("latin1")), answer });
    }
  }
  return tally;
}

class Tally implements RequestsResult {
  readonly #isBytes: boolean;
  readonly byStatus: Record<string, number> = {};
  readonly problems: string[] = [];

  constructor(isBytes: boolean) {
    this.#isBytes = isBytes;
  }

  add(status: number | string, { sent, answer }: { readonly sent: string; readonly answer: string }): void {
    const isBytes = this.#isBytes;
    this.byStatus[status] = (this.byStatus[status] ?? 0) + 1;
    const isError = Number(status) >= 400;
    if (Number(status) === 500) this.problems.push(`a 500: ${sent} -> ${answer.slice(0, 300)}`);
    // What is HTTP is answered with a code; bytes that hardly are may get Node's own 400 or 417, which have none.
    else if (isError && !isBytes && !/"code":"\w+"/.test(answer))
      this.problems.push(`${status} without a code: ${sent} -> ${answer.slice(0, 300)}`);
  }
}

function makeRequest({ random, sharedSecret }: RequestsOptions): Sent {
  const { method: usual, path: template, query = [], body: schema } = pick(random, routes);
  const method = random() < 0.95 ? usual : pick(random, ["PUT", "PATCH", "OPTIONS", "DELETE", "POST"]);
  const word = (): string => {
    const value = random() < 0.2 ? pick(random, oddValues) : pick(random, texts);
    return encodeURIComponent((typeof value === "string" ? value : JSON.stringify(value)).toWellFormed());
  };
  const given = query.filter(() => random() < 0.6).map((name) => `${name}=${word()}`);
  if (random() < 0.05)
    given.push(pick(random, ["x=1", "%zz", "label=a&label=b", "=", "&&&", "tail=1&tail=2"]));
  const path = `${template.replaceAll("{name}", word)}${given.length === 0 ? "" : `?${given.join("&")}`}`;
  const body = schema === undefined ? oddBody(random) : bodyOf(schema, random);
  const key = { id: random() < 0.97 ? "default" : "another", secret: sharedSecret };
  const nowMs = random() < 0.97 ? Date.now() : Date.now() + 120_000;
  const signed =
    random() < 0.95 ? signedHeaders({ method, path, bodyHash: bodyHash(body) }, { key, nowMs }) : {};
  const spoiled: Readonly<Record<string, string>> =
    random() < 0.95 ? {} : pick<Readonly<Record<string, string>>>(random, oddHeaders);
  return {
    method,
    path,
    body,
    headers: {
      ...(body === "" ? {} : { "content-type": random() < 0.95 ? "application/json" : "application/x-tar" }),
      ...(template === "/v1/build" ? { [bodyHashHeader]: bodyHash(body) } : {}),
      ...signed,
      ...spoiled,
    },
  };
}

function oddBody(random: Random): string {
  return random() < 0.95 ? "" : pick(random, ["{}", "x", "[1]", "\u0000"]);
}

function bodyOf(schema: z.ZodType, random: Random): string {
  const fine = fitting(sample(schemas.get(schema), random, texts), random);
  const text = JSON.stringify(random() < 0.5 ? spoil(fine, random) : fine) ?? "";
  if (random() < 0.9) return text;
  return pick(random, [text.slice(0, -1), `${text}x`, "", "[", "nul", "[".repeat(30_000), "\u0000"]);
}

/** Pattern and meaning are no part of a JSON schema's shape: without these hardly a container would ever be made. */
function fitting(value: JsonValue, random: Random): JsonValue {
  if (typeof value !== "object" || value === null || Array.isArray(value) || random() < 0.3) return value;
  const { spec, ...rest } = value as JsonObject;
  if (spec === undefined) return value;
  const request = `request-${Math.floor(random() * 1e6)}`;
  const name = pick(random, ["one", "two", "three"]);
  const plain = { name, image: "work:1", labels: {}, env: {} };
  return { ...rest, request, spec: random() < 0.5 ? plain : { ...(spec as JsonObject), ...plain } };
}

async function send(
  url: string,
  { method, path, headers, body }: Sent,
): Promise<{ readonly status: number; readonly text: string }> {
  const { hostname, port } = new URL(url);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const length = { "content-length": String(Buffer.byteLength(body)) };
    const sent = request({ hostname, port, method, path, headers: { ...headers, ...length }, agent: false });
    sent.once("response", resolve);
    sent.once("error", reject);
    sent.end(body);
  });
  const status = response.statusCode ?? 0;
  if (response.headers["content-type"]?.startsWith("text/event-stream") === true) {
    response.destroy();
    return { status, text: "" };
  }
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status, text };
}

function makeBytes({ random, sharedSecret }: RequestsOptions): Buffer {
  const signed = (method: string, path: string): string =>
    Object.entries(
      signedHeaders(
        { method, path, bodyHash: bodyHash("") },
        { key: { id: "default", secret: sharedSecret }, nowMs: Date.now() },
      ),
    )
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
  const whole = pick(random, [
    "GET /v1/ready HTTP/1.1\r\nHost: x\r\n\r\n",
    `GET /v1/info HTTP/1.1\r\nHost: x\r\n${signed("GET", "/v1/info")}\r\n`,
    `GET http://evil/v1/info HTTP/1.1\r\nHost: x\r\n${signed("GET", "/v1/info")}\r\n`,
    `POST /v1/containers HTTP/1.1\r\nHost: x\r\n${signed("POST", "/v1/containers")}Transfer-Encoding: chunked\r\n\r\n5\r\n{"spe\r\n0\r\n\r\n`,
    `POST /v1/build HTTP/1.1\r\nHost: x\r\n${signed("POST", "/v1/build")}Content-Length: 5\r\n\r\nabcde`,
    `GET /v1/execs/x/socket HTTP/1.1\r\nHost: x\r\n${signed("GET", "/v1/execs/x/socket")}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET // HTTP/1.1\r\n\r\n",
    `GET /v1/ready HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(20_000)}\r\n\r\n`,
    "GET /v1/info HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n",
  ]);
  const bytes = Buffer.from(whole, "latin1");
  const changes = Math.floor(random() * 4);
  for (let change = 0; change < changes; change += 1)
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  return random() < 0.1 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}

/** All that comes back until the other side closes, or says nothing for a while. */
async function sendBytes(url: string, bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  return await new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host: hostname, port: Number(port) });
    socket.setTimeout(250, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // Nobody listens any more: that is a crash, and no answer.
      if (error.code === "ECONNREFUSED") reject(error);
      else socket.destroy();
    });
    socket.on("close", () => resolve(text));
    socket.end(bytes);
  });
}
