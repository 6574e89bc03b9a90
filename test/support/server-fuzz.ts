import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import type { JsonObject, JsonValue } from "../../src/model/json.ts";
import { errorSchema, errorStatus } from "../../src/server/contract.ts";
import { oddValues, pick, type Random, sample, spoil } from "./json-samples.ts";

/** What came of it. */
export interface FuzzResult {
  readonly sent: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Answers that must not be, with what was sent: empty when all is well. */
  readonly problems: readonly string[];
}

export interface FuzzTarget {
  readonly host: string;
  readonly port: number;
  /** The OpenAPI document that the server serves. */
  readonly document: JsonObject;
  /** Texts that lead somewhere: names of containers, images. */
  readonly texts: readonly string[];
  /** Calls so far that change something on the engine; undefined where nobody can tell. */
  readonly changes?: (() => number) | undefined;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Answers to what is wrong with the request alone: nothing may have been asked of the engine. */
const refusals = new Set([
  "bad_request",
  "validation_failed",
  "route_not_found",
  "method_not_allowed",
  "payload_too_large",
  "unsupported_media_type",
  "host_not_allowed",
  "origin_not_allowed",
]);

/** Sends requests made from the document, most of them wrong in one place, one after the other. */
export async function fuzzRoutes(
  target: FuzzTarget,
  { requests, random }: { readonly requests: number; readonly random: Random },
): Promise<FuzzResult> {
  const byStatus: Record<string, number> = {};
  const problems: string[] = [];
  for (let count = 0; count < requests; count += 1) {
    const sent = makeRequest(target, random);
    const before = target.changes?.();
    const { status, text, isStream } = await send(target, sent);
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    const problem = judge({ status, text, isStream });
    if (problem !== undefined)
      problems.push(`${problem}: ${describe(sent)} -> ${status} ${text.slice(0, 300)}`);
    const isRefused = status >= 400 && refusals.has(codeIn(text) ?? "");
    if (isRefused && before !== target.changes?.()) problems.push(`refused, but changed: ${describe(sent)}`);
  }
  return { sent: requests, byStatus, problems };
}

/** Sends bytes that are nearly HTTP, or not at all. An answer, if there is one, has to be one of ours. */
export async function fuzzBytes(
  target: FuzzTarget,
  { requests, random }: { readonly requests: number; readonly random: Random },
): Promise<FuzzResult> {
  const byStatus: Record<string, number> = {};
  const problems: string[] = [];
  for (let count = 0; count < requests; count += 8) {
    const batch = Array.from({ length: Math.min(8, requests - count) }, () => makeBytes(target, random));
    const answers = await Promise.all(batch.map(async (bytes) => await sendBytes(target, bytes)));
    for (const [index, answer] of answers.entries()) {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "none";
      byStatus[status] = (byStatus[status] ?? 0) + 1;
      if (status === "500") problems.push(`500 for ${JSON.stringify(batch[index]?.toString("latin1"))}`);
    }
  }
  return { sent: requests, byStatus, problems };
}

function makeRequest({ document, texts }: FuzzTarget, random: Random): Sent {
  const paths = document["paths"] as Readonly<Record<string, JsonObject>>;
  const [template, methods] = pick(random, Object.entries(paths));
  const [method, operation] = pick(random, Object.entries(methods)) as [string, JsonObject];
  const parameters = (operation["parameters"] ?? []) as readonly JsonObject[];
  const value = (schema: JsonValue | undefined): string => {
    const fine = sample(schema, random, texts);
    const given = random() < 0.15 ? pick(random, oddValues) : fine;
    return typeof given === "string" ? given : JSON.stringify(given);
  };
  let path = template.replaceAll(/\{(\w+)\}/g, () => {
    const text = value({ type: "string" });
    return random() < 0.9 ? escaped(text) : text.replaceAll(/[^!-~]/g, "x");
  });
  const query = parameters
    .filter((each) => each["in"] === "query" && random() < 0.4)
    .map((each) => `${JSON.stringify(each["name"]).slice(1, -1)}=${escaped(value(each["schema"]))}`);
  if (random() < 0.05) query.push(pick(random, ["x=1", "%zz", "stale=true&stale=true", "=", "&&&"]));
  if (query.length > 0) path += `?${query.join("&")}`;
  const schema = schemaOf(document, operation);
  const fine = schema === undefined ? undefined : sample(schema, random, texts);
  const body = fine === undefined ? undefined : bodyText(random() < 0.6 ? spoil(fine, random) : fine, random);
  const type = pick(random, [
    "application/json",
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
  ]);
  return {
    method:
      random() < 0.95 ? method.toUpperCase() : pick(random, ["PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"]),
    path,
    headers: {
      ...(body === undefined ? {} : { "content-type": random() < 0.95 ? "application/json" : type }),
      ...(random() < 0.03 ? { origin: pick(random, ["null", "http://evil.example", "::"]) } : {}),
      ...(random() < 0.03 ? { host: pick(random, ["evil.example", "127.0.0.1:1", "[::1]", "a b"]) } : {}),
      ...(random() < 0.1
        ? { "last-event-id": pick(random, ["1", "abc-1", "2026-01-01T00:00:00Z", "x".repeat(300)]) }
        : {}),
    },
    body,
  };
}

function bodyText(value: JsonValue, random: Random): string {
  const text = JSON.stringify(value);
  if (random() < 0.9) return text;
  return pick(random, [
    text.slice(0, -1),
    `${text}x`,
    "",
    "[",
    "nul",
    "[".repeat(30_000),
    `{"image":"${"x".repeat(70_000)}"}`,
    `{"__proto__":{"image":"x"},"image":"work:1"}`,
    "\u0000",
  ]);
}

function schemaOf(document: JsonObject, operation: JsonObject): JsonValue | undefined {
  const body = operation["requestBody"] as JsonObject | undefined;
  const content = body?.["content"] as JsonObject | undefined;
  const schema = (content?.["application/json"] as JsonObject | undefined)?.["schema"] as
    | JsonObject
    | undefined;
  const reference = schema?.["$ref"];
  if (typeof reference !== "string") return schema;
  const components = document["components"] as { readonly schemas: JsonObject };
  return components.schemas[reference.split("/").at(-1) ?? ""];
}

function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function judge(answer: {
  readonly status: number;
  readonly text: string;
  readonly isStream: boolean;
}): string | undefined {
  const { status, text, isStream } = answer;
  if (status < 400 || isStream) return undefined;
  if (status === 500) return "a 500";
  // Answers to HEAD have none; there are none here. Health says in its own words that it is not ready.
  const parsed = errorSchema.safeParse(jsonOf(text));
  if (!parsed.success) return jsonOf(text) === undefined ? "an error without a body" : healthProblem(text);
  const { code } = parsed.data.error;
  const known = Object.entries(errorStatus).find(([name]) => name === code);
  return known?.[1] === status ? undefined : `code ${code} with status ${status}`;
}

function healthProblem(text: string): string | undefined {
  return text.includes('"timestamp"') ? undefined : "an error that is not of the contract";
}

function codeIn(text: string): string | undefined {
  return /"code":"(\w+)"/.exec(text)?.[1];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describe({ method, path, headers, body }: Sent): string {
  return `${method} ${path.slice(0, 200)} ${JSON.stringify(headers)} ${(body ?? "").slice(0, 200)}`;
}

async function send(
  { host, port }: FuzzTarget,
  { method, path, headers, body }: Sent,
): Promise<{ readonly status: number; readonly text: string; readonly isStream: boolean }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({
      host,
      port,
      method,
      path: path.replaceAll(/[^\u0021-\u00ff]/g, "x"),
      headers,
      agent: false,
    });
    sent.once("response", resolve);
    sent.once("error", reject);
    sent.end(body);
  });
  const status = response.statusCode ?? 0;
  if (response.headers["content-type"] === "text/event-stream") {
    response.destroy();
    return { status, text: "", isStream: true };
  }
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status, text, isStream: false };
}

function makeBytes({ texts }: FuzzTarget, random: Random): Buffer {
  const name = pick(random, texts);
  const whole = pick(random, [
    `GET /api/containers HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    `POST /api/containers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{"image":"work:1"}`,
    `POST /api/containers/${name}/exec HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n5\r\n{"com\r\n0\r\n\r\n`,
    `GET /api/containers/${name}/terminal HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x85abcdefghi`,
    `GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n`,
    `DELETE /api/containers/${name} HTTP/1.0\r\n\r\n`,
    `OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${"y".repeat(20_000)}\r\n\r\n`,
    `GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: nonsense\r\n\r\n`,
  ]);
  const bytes = Buffer.from(whole, "latin1");
  const changes = Math.floor(random() * 4);
  for (let change = 0; change < changes; change += 1) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return random() < 0.1 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}

/** All that comes back until the other side closes, or says nothing for a while. */
async function sendBytes({ host, port }: FuzzTarget, bytes: Buffer): Promise<string> {
  return await new Promise((resolve) => {
    let text = "";
    const socket = connect({ host, port });
    socket.setTimeout(250, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(text));
    socket.end(bytes);
  });
}
