import { once } from "node:events";
import { expect, test } from "vitest";
import type { WebSocket } from "ws";
import type { ScriptedExec } from "../../../src/drivers/memory/script.ts";
import { at, messagesOf, startTestServer, type TestServer, until } from "./support.ts";

/** A shell that repeats its input, and ends with 3 on "exit". */
async function shell(call: ScriptedExec): Promise<number> {
  if (call.command.includes("TERM") || call.command.includes("KILL")) return 0;
  call.write("$ ");
  for await (const chunk of call.input) {
    const text = Buffer.from(chunk).toString("utf8");
    if (text === "exit") return 3;
    call.write(text);
  }
  return 0;
}

async function withContainer(): Promise<TestServer> {
  const server = await startTestServer({ memory: { scripts: { "work:1": { exec: shell } } } });
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "c" } });
  return server;
}

async function openSession(server: TestServer): Promise<string> {
  const { status, body } = await server.ask("POST", "/api/containers/c/terminal/sessions", { body: {} });
  expect(status).toBe(201);
  return at(body, "path");
}

function send(socket: WebSocket, message: unknown): void {
  socket.send(JSON.stringify(message));
}

test("the life of a terminal: output, echo, resize, ping, exit", async () => {
  await using server = await withContainer();
  const socket = server.terminal(await openSession(server));
  const closed = once(socket, "close");
  const messages = messagesOf(socket);
  const next = async (): Promise<unknown> => (await messages.next()).value;
  expect(await next()).toEqual({ type: "status", status: "starting" });
  expect(await next()).toEqual({ type: "status", status: "running" });
  expect(await next()).toEqual({ type: "output", data: "$ " });
  send(socket, { type: "input", data: "grüße 🙂" });
  expect(await next()).toEqual({ type: "output", data: "grüße 🙂" });
  send(socket, { type: "resize", columns: 100, rows: 40 });
  send(socket, { type: "ping" });
  expect(await next()).toEqual({ type: "pong" });
  expect(server.port.containers.known()[0]?.uses).toBe(1);
  send(socket, { type: "input", data: "exit" });
  expect(await next()).toEqual({ type: "exited", exitCode: 3 });
  expect((await closed)[0]).toBe(1000);
  expect(server.port.containers.terminals.size).toBe(0);
  await until(() => server.port.containers.known()[0]?.uses === 0);
});

test("what a client sends before the command runs is not lost", async () => {
  await using server = await withContainer();
  const socket = server.terminal(await openSession(server));
  const closed = once(socket, "close");
  await once(socket, "open");
  send(socket, { type: "input", data: "exit" });
  expect((await closed)[0]).toBe(1000);
});

test("a session outlives its connection, is for one at a time, and ends with its command", async () => {
  await using server = await withContainer();
  const path = await openSession(server);
  const first = server.terminal(path);
  await messagesOf(first).next();
  const second = server.terminal(path);
  expect((await once(second, "close"))[0]).toBe(1008);
  first.close();
  await once(first, "close");
  await until(() => server.port.containers.known()[0]?.uses === 0);
  const third = server.terminal(path);
  const closed = once(third, "close");
  const messages = messagesOf(third);
  for (let n = 0; n < 3; n += 1) await messages.next();
  send(third, { type: "input", data: "exit" });
  await closed;
  const fourth = server.terminal(path);
  expect(await closingOf(fourth)).toEqual([1008, "session_not_found"]);
});

async function closingOf(socket: WebSocket): Promise<[number, string]> {
  const [code, reason] = await once(socket, "close");
  return [Number(code), String(reason)];
}

test("what makes no sense is told and closed with 1008", async () => {
  await using server = await withContainer();
  const path = await openSession(server);
  const { id = "" } = server.port.containers.known()[0] ?? {};
  const token = path.slice(-48);
  const session = new URLSearchParams(path.split("?")[1]).get("sessionId") ?? "";
  const base = `/api/containers/${id}/terminal`;
  const cases: readonly (readonly [string, string])[] = [
    [base, "validation_failed"],
    [`${base}?sessionId=${session}`, "validation_failed"],
    [`${base}?sessionId=x&token=${token}`, "validation_failed"],
    [`${path}&more=1`, "validation_failed"],
    [`${path}&token=${token}`, "validation_failed"],
    [`${base}?sessionId=${session}&token=${"0".repeat(48)}`, "session_not_found"],
    [path.replace(id, "other"), "session_not_found"],
    [path.replace(id, "%2e%2e%2fx"), "validation_failed"],
  ];
  for (const [target, code] of cases) {
    const socket = server.terminal(target);
    const messages = messagesOf(socket);
    const closing = closingOf(socket);
    expect([target, at((await messages.next()).value, "error", "code")]).toEqual([target, code]);
    expect(await closing).toEqual([1008, code]);
  }
  expect(server.port.containers.terminals.size).toBe(1);
});

test("messages that are not of the contract end the connection, never the server", async () => {
  await using server = await withContainer();
  for (const bad of [
    "",
    "{",
    "[]",
    "null",
    '{"type":"input"}',
    '{"type":"resize","columns":0,"rows":1}',
    "{}",
  ]) {
    const socket = server.terminal(await openSession(server));
    const closing = closingOf(socket);
    const messages = messagesOf(socket);
    for (let n = 0; n < 3; n += 1) await messages.next();
    socket.send(bad);
    expect([bad, await closing]).toEqual([bad, [1008, "validation_failed"]]);
  }
  const binary = server.terminal(await openSession(server));
  const closing = closingOf(binary);
  const messages = messagesOf(binary);
  for (let n = 0; n < 3; n += 1) await messages.next();
  binary.send(Buffer.from([1, 2, 3]));
  expect((await closing)[0]).toBe(1008);
  expect((await server.ask("GET", "/health")).status).toBe(200);
});

test("an outage during a terminal is told as one to try again later; the session stays", async () => {
  await using server = await withContainer();
  const path = await openSession(server);
  const { engine } = server;
  const exec = engine.exec.bind(engine);
  engine.exec = async (container, options) => {
    engine.disconnect();
    return await exec(container, options);
  };
  const socket = server.terminal(path);
  const closing = closingOf(socket);
  expect(await closing).toEqual([1013, "docker_runner_not_ready"]);
  expect(server.port.containers.terminals.size).toBe(1);
});

test("terminals close with 1001 when the server ends, and their commands end", async () => {
  await using server = await withContainer();
  const socket = server.terminal(await openSession(server));
  const messages = messagesOf(socket);
  for (let n = 0; n < 3; n += 1) await messages.next();
  const closing = closingOf(socket);
  await server.end();
  expect(await closing).toEqual([1001, "shutting_down"]);
});

test("upgrades elsewhere, and of other kinds, are answered with a code", async () => {
  await using server = await withContainer();
  for (const [path, status] of [
    ["/", 404],
    ["/api/containers", 404],
    ["/health", 404],
    ["/api/containers/a/b/terminal", 404],
  ] as const) {
    const socket = server.terminal(path);
    const [, response] = await once(socket, "unexpected-response");
    expect([path, response.statusCode]).toEqual([path, status]);
    response.resume();
  }
  const headers = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
  const half = await server.ask("GET", await openSession(server), { headers });
  expect([half.status, at(half.body, "error", "code")]).toEqual([400, "bad_request"]);
  const plain = await server.ask("GET", "/api/containers/c/terminal");
  expect([plain.status, at(plain.body, "error", "code")]).toEqual([426, "upgrade_required"]);
});

test("a page from elsewhere cannot open a terminal", async () => {
  await using server = await withContainer();
  const path = await openSession(server);
  const foreign: readonly Readonly<Record<string, string>>[] = [
    { origin: "http://evil.example" },
    { origin: "null" },
    { host: "evil.example" },
    { "sec-fetch-site": "cross-site" },
  ];
  for (const headers of foreign) {
    const socket = server.terminal(path, headers);
    const [, response] = await once(socket, "unexpected-response");
    expect([headers, response.statusCode]).toEqual([headers, 403]);
    response.resume();
  }
});

test("closing a session ends its terminal, and it cannot be used again", async () => {
  await using server = await withContainer();
  const path = await openSession(server);
  const session = new URLSearchParams(path.split("?")[1]).get("sessionId") ?? "";
  const socket = server.terminal(path);
  const messages = messagesOf(socket);
  for (let n = 0; n < 3; n += 1) await messages.next();
  const closing = closingOf(socket);
  const target = `/api/containers/c/terminal/sessions/${session}`;
  expect((await server.ask("DELETE", target)).status).toBe(204);
  expect(await closing).toEqual([1000, "closed"]);
  const again = await server.ask("DELETE", target);
  expect([again.status, at(again.body, "error", "code")]).toEqual([404, "session_not_found"]);
  expect(await closingOf(server.terminal(path))).toEqual([1008, "session_not_found"]);
});
