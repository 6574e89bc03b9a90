import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { isLashError, type LashError } from "../../model/errors.ts";
import { EngineClient } from "./client.ts";
import { unixEndpoint } from "./endpoint.ts";
import { connectionError } from "./errors.ts";
import { collect, scriptConnections, scriptEngine } from "./testing/scripted-engine.ts";

const signal = new AbortController().signal;
const get = { method: "GET", path: "/things", doing: "look", signal } as const;
const post = { method: "POST", path: "/things", doing: "make", signal } as const;

function ping(version: string): string {
  return `HTTP/1.1 200 OK\r\nApi-Version: ${version}\r\nContent-Length: 2\r\n\r\nOK`;
}

test.each([
  { theirs: "1.41", used: "1.41" },
  { theirs: "1.47", used: "1.47" },
  { theirs: "1.52", used: "1.47" },
  { theirs: "2.0", used: "1.47" },
])("speaks API $used with an engine of $theirs", async ({ theirs, used }) => {
  await using engine = await scriptEngine((_, response) => response.end("{}"), theirs);
  using client = new EngineClient(engine.endpoint);
  await client.json(get);
  expect(engine.requests).toEqual(["GET /_ping", `GET /v${used}/things`]);
});

test.each(["1.24", "1.40"])("refuses an engine of %s before anything is asked of it", async (theirs) => {
  await using engine = await scriptEngine((_, response) => response.end("{}"), theirs);
  using client = new EngineClient(engine.endpoint);
  await expect(client.json(get)).rejects.toMatchObject({
    code: "engine-api-version",
    message: expect.stringContaining(`it speaks API ${theirs} at most, and 1.41 is needed`),
  });
  expect(engine.requests).toEqual(["GET /_ping"]);
});

test("takes the version an engine asks for, and keeps it", async () => {
  await using engine = await scriptEngine((request, response) => {
    if (request.path.startsWith("/v1.60/")) return response.end(`{"body":${request.body || "1"}}`);
    response.statusCode = 400;
    return response.end(
      '{"message":"client version 1.47 is too old. Minimum supported API version is 1.60, please upgrade your client to a newer version"}',
    );
  }, "1.65");
  using client = new EngineClient(engine.endpoint);
  expect(await client.json({ ...post, json: 7 })).toEqual({ body: 7 });
  await client.json(get);
  expect(engine.requests).toEqual([
    "GET /_ping",
    "POST /v1.47/things",
    "POST /v1.60/things",
    "GET /v1.60/things",
  ]);
});

test("says so when no version suits the engine", async () => {
  await using engine = await scriptEngine((_, response) => {
    response.statusCode = 400;
    response.end('{"message":"client version 1.41 is too new. Maximum supported API version is 1.40"}');
  });
  using client = new EngineClient(engine.endpoint);
  await expect(client.json(get)).rejects.toMatchObject({ code: "engine-api-version" });
});

test("asks for the version once, however many calls begin at once", async () => {
  await using engine = await scriptEngine((_, response) => response.end("{}"));
  using client = new EngineClient(engine.endpoint);
  await Promise.all(Array.from({ length: 20 }, () => client.json(get)));
  expect(engine.requests.filter((each) => each.includes("_ping"))).toHaveLength(1);
});

test("asks for the version again after the engine was gone", async () => {
  let isUp = true;
  await using engine = await scriptEngine((_, response) => {
    if (isUp) response.end("{}");
    else response.destroy();
  });
  using client = new EngineClient(engine.endpoint);
  await client.json(get);
  isUp = false;
  await expect(client.json(get)).rejects.toMatchObject({ code: "engine-unreachable" });
  isUp = true;
  await client.json(get);
  expect(engine.requests.filter((each) => each.includes("_ping"))).toHaveLength(2);
});

test.each([
  {
    status: 404,
    body: '{"message":"No such container: x"}',
    code: "engine-not-found",
    text: "No such container: x",
  },
  { status: 409, body: '{"message":"Conflict."}', code: "engine-conflict", text: "Conflict." },
  {
    status: 500,
    body: '{"message":"Bind for 0.0.0.0:80 failed: port is already allocated"}',
    code: "engine-refused",
    text: "Bind for 0.0.0.0:80 failed: port is already allocated",
  },
  {
    status: 500,
    body: '{"cause":"that name is already in use","message":"name taken","response":500}',
    code: "engine-conflict",
    text: "name taken: that name is already in use",
  },
  { status: 503, body: "<html>busy</html>", code: "engine-refused", text: "<html>busy</html>" },
  { status: 502, body: "", code: "engine-refused", text: "the engine answered with status 502" },
])("turns status $status into $code with the whole text", async ({ status, body, code, text }) => {
  await using engine = await scriptEngine((_, response) => {
    response.statusCode = status;
    response.end(body);
  });
  using client = new EngineClient(engine.endpoint);
  const error = await client.json(get).catch((cause: unknown) => cause);
  expect(isLashError(error)).toBe(true);
  expect(error).toMatchObject({
    code,
    message: `Cannot look: ${text}`,
    data: { method: "GET", path: "/things" },
  });
});

test("no socket and a refused connection are engine-unreachable, with Node's code", async () => {
  using missing = new EngineClient(unixEndpoint("/nonexistent/lash.sock"));
  await expect(missing.json(get)).rejects.toMatchObject({
    code: "engine-unreachable",
    data: { code: "ENOENT" },
  });
  const tcp = {
    kind: "tcp",
    host: "127.0.0.1",
    port: 1,
    basePath: "",
    tls: undefined,
    text: "tcp://127.0.0.1:1",
  } as const;
  using refused = new EngineClient(tcp);
  await expect(refused.json(get)).rejects.toMatchObject({
    code: "engine-unreachable",
    data: { code: "ECONNREFUSED" },
  });
});

test("a socket that is not for us is engine-permission", () => {
  const cause = Object.assign(new Error("connect EACCES"), { code: "EACCES" });
  expect(connectionError("look", "unix:///x", cause)).toMatchObject({ code: "engine-permission" });
});

const answer = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"some":"ab"}';

test("an answer cut at any point is engine-unreachable, never half a value", async () => {
  const codes: string[] = [];
  for (let end = 0; end <= answer.length; end += 1) {
    await using engine = await scriptConnections((socket) => {
      socket.once("data", (request) => {
        if (request.toString().includes("_ping")) {
          socket.write(ping("1.41"));
          socket.once("data", () => socket.end(answer.slice(0, end)));
        } else socket.end(answer.slice(0, end));
      });
    });
    using client = new EngineClient(engine.endpoint);
    const [read] = await Promise.allSettled([client.json(post)]);
    codes.push(read.status === "fulfilled" ? JSON.stringify(read.value) : (read.reason as LashError).code);
  }
  expect(new Set(codes)).toEqual(new Set(["engine-unreachable", '{"some":"ab"}']));
  expect(codes.filter((code) => code !== "engine-unreachable")).toHaveLength(1);
});

test.each(["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc\r\n\r\n", "\u0000\u0001\u0002"])(
  "what does not speak HTTP is engine-unreachable: %j",
  async (bytes) => {
    await using engine = await scriptConnections((socket) => socket.end(bytes));
    using client = new EngineClient(engine.endpoint);
    await expect(client.json(get)).rejects.toMatchObject({ code: "engine-unreachable" });
  },
);

test("what speaks HTTP but is no engine is named", async () => {
  await using engine = await scriptConnections((socket) => {
    socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n"));
  });
  using client = new EngineClient(engine.endpoint);
  await expect(client.json(get)).rejects.toThrow(/is not a container engine/);
});

test("an engine that does not answer in time is engine-unreachable, and the connection is closed", async () => {
  await using engine = await scriptEngine(() => {});
  using client = new EngineClient(engine.endpoint);
  await expect(client.json({ ...get, deadlineMs: 50 })).rejects.toMatchObject({
    code: "engine-unreachable",
    data: { code: "ETIMEDOUT" },
  });
  await expect.poll(() => engine.connections.every((socket) => socket.destroyed)).toBe(true);
});

test("an abort rejects with its reason, whatever the connection says", async () => {
  await using engine = await scriptEngine(() => {});
  using client = new EngineClient(engine.endpoint);
  for (const call of [client.json.bind(client), client.stream.bind(client), client.hijack.bind(client)]) {
    const controller = new AbortController();
    const reason = new Error("enough");
    const calling = call({ ...post, signal: controller.signal });
    await sleep(20);
    controller.abort(reason);
    await expect(calling).rejects.toBe(reason);
  }
  await expect.poll(() => engine.connections.every((socket) => socket.destroyed)).toBe(true);
});

test("a stream ends with the reason of an abort, and its connection closes on break", async () => {
  await using engine = await scriptEngine((_, response) => response.write("x"));
  using client = new EngineClient(engine.endpoint);
  const controller = new AbortController();
  const aborted = await client.stream({ ...get, signal: controller.signal });
  const reading = collect(aborted.chunks);
  controller.abort(new Error("enough"));
  await expect(reading).rejects.toThrow("enough");
  const left = await client.stream(get);
  for await (const _ of left.chunks) break;
  await expect.poll(() => engine.connections.slice(1).every((socket) => socket.destroyed)).toBe(true);
});

test("a cut stream is engine-unreachable", async () => {
  await using engine = await scriptEngine((_, response) => {
    response.write("x");
    setTimeout(() => response.destroy(), 20);
  });
  using client = new EngineClient(engine.endpoint);
  const { chunks } = await client.stream(get);
  await expect(collect(chunks)).rejects.toMatchObject({ code: "engine-unreachable" });
});

/** An engine that closes a kept connection when the second request on it arrives. */
async function closesKept(): ReturnType<typeof scriptConnections> {
  return await scriptConnections((socket) => {
    let seen = 0;
    socket.on("data", () => {
      seen += 1;
      if (seen > 1) socket.destroy();
      else socket.write("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\n{}");
    });
  });
}

test("a look-up on a kept connection that the engine closed is asked again", async () => {
  await using engine = await closesKept();
  using client = new EngineClient(engine.endpoint);
  expect(await client.json(get)).toEqual({});
  expect(await client.json(get)).toEqual({});
});

test("a change on a kept connection that was closed is not sent twice", async () => {
  await using engine = await closesKept();
  using client = new EngineClient(engine.endpoint);
  await client.greet(signal);
  await expect(client.text({ ...post, json: {} })).rejects.toMatchObject({ code: "engine-unreachable" });
  expect(engine.connections).toHaveLength(1);
});

test("streams do not keep short calls waiting", async () => {
  await using engine = await scriptEngine((request, response) => {
    if (request.path.endsWith("/wait")) response.flushHeaders();
    else response.end("{}");
  });
  using client = new EngineClient(engine.endpoint);
  const waits = Array.from({ length: 100 }, () =>
    client.stream({ ...post, path: "/wait", deadlineMs: "none" }),
  );
  for (const wait of await Promise.all(waits)) expect(wait.contentType).toBe("");
  expect(await client.json({ ...get, deadlineMs: 2000 })).toEqual({});
});

test("hijack() gives the raw connection, with what came along with the head", async () => {
  await using engine = await scriptConnections((socket) => {
    socket.on("data", (request) => {
      const isPing = request.toString().includes("_ping");
      socket.write(
        isPing ? ping("1.41") : "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst",
      );
    });
  });
  using client = new EngineClient(engine.endpoint);
  const { socket, head } = await client.hijack({ ...post, json: {} });
  expect(Buffer.from(head).toString()).toBe("first");
  socket.destroy();
});

test("closing the client cancels what is under way", async () => {
  await using engine = await scriptEngine(() => {});
  const client = new EngineClient(engine.endpoint);
  const calling = client.json(get);
  await sleep(20);
  client[Symbol.dispose]();
  await expect(calling).rejects.toMatchObject({ code: "cancelled" });
});
