import { request as httpRequest } from "node:http";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import type { ScriptedExec } from "../../src/drivers/memory/script.ts";
import type { RunnerEngine } from "../../src/drivers/runner/open.ts";
import { execMark } from "../../src/engine/end-exec.ts";
import { emptyBodyHash, signedHeaders } from "../../src/runner/protocol/signature.ts";
import { keys, openBench, type RunnerBench } from "../support/runner-bench.ts";

const { signal } = new AbortController();

/** Commands by their first word. What ends a command in memory is its disposal. */
async function act({ command, env, input, write, signal: ended }: ScriptedExec): Promise<number> {
  switch (command[0]) {
    case "print":
      write(command[1] ?? "");
      write(command[2] ?? "", "stderr");
      return 3;
    case "flood":
      for (let index = 0; index < 200; index += 1) write(Buffer.alloc(64 * 1024, "x"));
      return 0;
    case "mark":
      write(env[execMark] ?? "none");
      return 0;
    case "cat":
      for await (const data of input) write(data);
      return 0;
    case "tick":
      for (let index = 0; index < Number(command[1]) && !ended.aborted; index += 1) {
        write(`tick ${index}\n`);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      return 0;
    case "run on":
      write("running");
      await new Promise((resolve) => ended.addEventListener("abort", resolve, { once: true }));
      return 137;
    default:
      return 0;
  }
}

async function openRunning(): Promise<RunnerBench & { readonly engine: RunnerEngine }> {
  const bench = await openBench({ execGraceMs: 60 });
  bench.memory.script("c", { exec: act });
  const engine = bench.open();
  await engine.create({ name: "c", labels: {}, image: "work:1", env: {} }, { signal });
  await engine.start("c", { signal });
  return { ...bench, engine };
}

async function textOf(output: AsyncIterable<{ readonly data: Uint8Array }>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const { data } of output) parts.push(data);
  return Buffer.concat(parts).toString("utf8");
}

/** A socket of a command, without the driver: what it says, frame by frame. */
async function attach(bench: RunnerBench, body: object) {
  const made = await bench.ask("POST", "/v1/containers/c/exec", { body: JSON.stringify(body) });
  const { execId } = JSON.parse(made.text) as { readonly execId: string };
  const path = `/v1/execs/${execId}/socket`;
  const headers = signedHeaders(
    { method: "GET", path, bodyHash: emptyBodyHash },
    { key: keys.alice, nowMs: Date.now() },
  );
  const socket = new WebSocket(`${bench.service.url.replace("http", "ws")}${path}`, { headers });
  const frames: { readonly type: string; readonly [key: string]: unknown }[] = [];
  const chunks: Buffer[] = [];
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) chunks.push(data);
    else frames.push(JSON.parse(data.toString("utf8")));
  });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  return { socket, frames, chunks, closed, execId };
}

test("the end of a command is told by itself, with reason and tails, and the socket closed", async () => {
  await using bench = await openRunning();
  const { frames, chunks, closed, execId } = await attach(bench, { command: ["print", "to out", "to err"] });
  expect(await closed).toBe(1000);
  expect(chunks.map((each) => [each[0], each.subarray(1).toString()])).toEqual([
    [1, "to out"],
    [2, "to err"],
  ]);
  expect(frames).toEqual([
    { type: "ready", execId },
    { type: "exit", execId, exitCode: 3, reason: "completed", stdout: "to out", stderr: "to err" },
  ]);
});

test("the end of the input is not the end of the command's socket", async () => {
  await using bench = await openRunning();
  const { socket, frames, chunks, closed } = await attach(bench, { command: ["cat"], stdin: true });
  socket.send(Buffer.from("\0one "));
  socket.send(Buffer.from("\0two"));
  socket.send(JSON.stringify({ type: "end-input" }));
  expect(await closed).toBe(1000);
  expect(Buffer.concat(chunks.map((each) => each.subarray(1))).toString()).toBe("one two");
  expect(frames.at(-1)).toMatchObject({ type: "exit", exitCode: 0, reason: "completed", stdout: "one two" });
});

test.each([
  ["text that is no JSON", "{", "a frame that is none of ours"],
  ["an unknown frame", '{"type":"close"}', "a frame that is none of ours"],
  ["a size that is none", '{"type":"resize","columns":0,"rows":1}', "a frame that is none of ours"],
  ["input that is not taken", Buffer.from("\0x"), "input for a command that takes none"],
  ["another channel", Buffer.from("\u0001x"), "input for a command that takes none"],
] as const)("%s is explained before the socket is closed", async (_what, frame, why) => {
  await using bench = await openRunning();
  const { socket, frames, closed } = await attach(bench, { command: ["run on"] });
  socket.send(frame);
  expect(await closed).toBe(1008);
  expect(frames.at(-1)).toMatchObject({
    type: "error",
    status: 400,
    error: { message: `Cannot take ${why}` },
  });
});

test("a command that takes too long is ended, and says so with what it wrote", async () => {
  await using bench = await openRunning();
  await using session = await bench.engine.exec("c", { signal, command: ["run on"], timeoutMs: 100 });
  expect(await textOf(session.output)).toBe("running");
  expect(await session.ended).toMatchObject({ reason: "timeout", stdout: "running" });
  await expect(session.exitCode).rejects.toMatchObject({
    code: "timed-out",
    message: 'Cannot run "run on" in container "c": it took longer than 100 ms',
    data: { reason: "timeout", stdout: "running" },
  });
  expect((await bench.engine.inspect("c", { signal }))?.state).toBe("running");
});

test("a command that is idle too long is ended; one that writes is not", async () => {
  await using bench = await openRunning();
  await using busy = await bench.engine.exec("c", { signal, command: ["tick", "5"], idleTimeoutMs: 200 });
  expect((await textOf(busy.output)).split("\n")).toHaveLength(6);
  expect(await busy.exitCode).toBe(0);
  await using idle = await bench.engine.exec("c", { signal, command: ["run on"], idleTimeoutMs: 100 });
  await textOf(idle.output);
  expect(await idle.ended).toMatchObject({ reason: "idle-timeout" });
});

test("a time limit of 0 is none", async () => {
  await using bench = await openRunning();
  const options = { signal, command: ["tick", "3"], timeoutMs: 0, idleTimeoutMs: 0 };
  await using session = await bench.engine.exec("c", options);
  expect(await textOf(session.output)).toContain("tick 2");
  expect(await session.exitCode).toBe(0);
});

test("a command can be cancelled", async () => {
  await using bench = await openRunning();
  await using session = await bench.engine.exec("c", { signal, command: ["run on"] });
  session.cancel();
  await textOf(session.output);
  expect(await session.ended).toMatchObject({ reason: "cancelled", stdout: "running" });
  await expect(session.exitCode).rejects.toMatchObject({ code: "cancelled" });
});

test("a command is marked, by its client's mark if it has one", async () => {
  await using bench = await openRunning();
  await using own = await bench.engine.exec("c", { signal, command: ["mark"] });
  expect(await textOf(own.output)).toMatch(/^[\w-]{36}$/);
  await using given = await bench.engine.exec("c", {
    signal,
    command: ["mark"],
    env: { [execMark]: "mine" },
  });
  expect(await textOf(given.output)).toBe("mine");
});

test("a slow reader gets everything, and holds the rest back on the other side", async () => {
  await using bench = await openRunning();
  await using session = await bench.engine.exec("c", { signal, command: ["flood"] });
  let bytes = 0;
  for await (const { data } of session.output) {
    bytes += data.length;
    if (bytes === data.length) await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(bytes).toBe(200 * 64 * 1024);
  expect(await session.exitCode).toBe(0);
});

test("a command's socket is for who started it, once, and only as a socket", async () => {
  await using bench = await openRunning();
  const made = await bench.ask("POST", "/v1/containers/c/exec", { body: '{"command":["run on"]}' });
  const { execId } = JSON.parse(made.text) as { readonly execId: string };
  const path = `/v1/execs/${execId}/socket`;
  expect(await upgrade(bench, path, { signed: false })).toEqual([401, "missing_headers"]);
  expect(await upgrade(bench, path, { key: keys.bob })).toEqual([404, "not_found"]);
  expect(await upgrade(bench, "/v1/execs/none/socket", {})).toEqual([404, "not_found"]);
  expect(await upgrade(bench, "/v1/info", {})).toEqual([404, "not_found"]);
  const plain = await bench.ask("GET", path);
  expect([plain.status, plain.code]).toEqual([426, "upgrade_required"]);
  expect(await upgrade(bench, path, {})).toEqual([101, undefined]);
  expect(await upgrade(bench, path, {})).toEqual([404, "not_found"]);
});

test("a stop ends streams with a word, sockets with 1001, lets short calls end, and takes no more", async () => {
  const bench = await openRunning();
  const { closed } = await attach(bench, { command: ["run on"] });
  const waiting = bench.engine.wait("c", { signal }).catch((error: unknown) => error);
  bench.memory.delay("rename", 300);
  const renaming = bench.engine.rename("c", { signal, name: "d" });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const begun = performance.now();
  await bench.service[Symbol.asyncDispose]();
  expect(performance.now() - begun).toBeLessThan(2000);
  await renaming;
  expect(await closed).toBe(1001);
  expect(await waiting).toMatchObject({ code: "engine-unreachable", data: { errorCode: "shutting_down" } });
  await expect(bench.ask("GET", "/v1/info")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await bench[Symbol.asyncDispose]();
});

test("a stop does not wait for ever for an engine that hangs", async () => {
  await using bench = await openBench({ shutdownMs: 200 });
  bench.memory.delay("info", 60_000);
  const asking = bench.ask("GET", "/v1/info").catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const begun = performance.now();
  await bench.service[Symbol.asyncDispose]();
  expect(performance.now() - begun).toBeLessThan(1500);
  expect(await asking).toMatchObject({ status: 503, code: "cancelled" });
});

async function upgrade(
  bench: RunnerBench,
  path: string,
  {
    signed = true,
    key = keys.alice,
  }: { readonly signed?: boolean; readonly key?: { id: string; secret: string } },
): Promise<unknown> {
  const { port } = new URL(bench.service.url);
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": Buffer.alloc(16).toString("base64"),
    ...(signed
      ? signedHeaders({ method: "GET", path, bodyHash: emptyBodyHash }, { key, nowMs: Date.now() })
      : {}),
  };
  return await new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port, path, headers, agent: false });
    request.once("error", reject);
    request.once("upgrade", (_response, socket) => {
      socket.destroy();
      resolve([101, undefined]);
    });
    request.once("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      response.once("end", () => resolve([response.statusCode, JSON.parse(text).error.code]));
    });
    request.end();
  });
}
