import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { expect, test } from "vitest";
import { runnerTrouble } from "../../src/drivers/runner/errors.ts";
import { openRunner } from "../../src/drivers/runner/open.ts";
import { isLashError } from "../../src/model/errors.ts";
import { startCutProxy } from "../support/cut-proxy.ts";
import { benchSecret, openBench } from "../support/runner-bench.ts";

const { signal } = new AbortController();
const spec = (name: string) => ({ name, labels: {}, image: "work:1", env: {} });

/** A server that does this with each connection. */
async function listen(
  onSocket: (socket: Socket) => void,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What a call's rejection says of the runner. */
async function troubleOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    if (!isLashError(error)) return error;
    const { reason, errorCode, statusCode } = error.data;
    return `${error.code} ${String(reason)} ${String(errorCode)} ${String(statusCode)}`;
  }
  return "it worked";
}

async function ready(baseUrl: string, more: object = {}): Promise<unknown> {
  await using engine = openRunner({ baseUrl, sharedSecret: benchSecret, timeoutMs: 300, ...more });
  return await troubleOf(engine.ready({ signal }));
}

test("ready() tells why a runner cannot be used, in one attempt", async () => {
  let url = "";
  {
    await using closed = await listen(() => {});
    url = closed.url;
  }
  expect(await ready(url)).toBe("engine-unreachable refused runner_connection_refused 0");
  expect(await ready("http://no-such-host.invalid:1")).toMatch(/^engine-unreachable dns/);

  await using hung = await listen(() => {});
  expect(await ready(hung.url)).toBe("engine-unreachable timeout runner_request_timeout 0");

  let connections = 0;
  await using cutting = await listen((socket) => {
    connections += 1;
    socket.once("data", () => socket.destroy());
  });
  expect(await ready(cutting.url)).toBe("engine-unreachable reset runner_connection_reset 0");
  expect(connections).toBe(1);

  await using babbling = await listen((socket) => socket.end("hello there\r\n\r\n"));
  expect(await ready(babbling.url)).toBe("engine-unreachable protocol runner_protocol_error 0");

  const answers = (text: string) => (socket: Socket) =>
    socket.once("data", () => socket.end(`HTTP/1.1 ${text}`));
  await using page = await listen(answers("200 OK\r\ncontent-length: 6\r\n\r\n<html>"));
  expect(await ready(page.url)).toBe("engine-unreachable bad-response runner_bad_response 200");
  await using gateway = await listen(answers("502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"));
  expect(await ready(gateway.url)).toBe("engine-unreachable refused runner_gateway_error 502");

  await using bench = await openBench();
  expect(await ready(bench.service.url)).toBe("it worked");
  expect(await ready(bench.service.url, { sharedSecret: "wrong" })).toBe(
    "engine-unreachable auth-failed invalid_signature 401",
  );
  expect(await ready(bench.service.url, { nowMs: () => Date.now() + 600_000 })).toBe(
    "engine-unreachable clock-skew timestamp_out_of_range 401",
  );
  expect(await ready(bench.service.url.replace("http:", "https:"))).toMatch(/^engine-unreachable tls/);
  expect(await ready(`${bench.service.url}/elsewhere`)).toMatch(/^engine-refused undefined not_found 404/);
  bench.memory.disconnect();
  await new Promise((resolve) => setTimeout(resolve, 550));
  expect(await ready(bench.service.url)).toBe("engine-unreachable engine-down engine_unreachable 503");
});

test("a call that is cancelled rejects with the reason, also when the runner hangs", async () => {
  await using hung = await listen(() => {});
  await using engine = openRunner({ baseUrl: hung.url, sharedSecret: benchSecret });
  const cancel = new AbortController();
  const reason = new Error("enough");
  const calls = [
    engine.ready({ signal: cancel.signal }),
    engine.list({}, { signal: cancel.signal }),
    engine.wait("c", { signal: cancel.signal }),
    engine.exec("c", { signal: cancel.signal, command: ["true"] }),
  ];
  setTimeout(() => cancel.abort(reason), 50);
  const results = await Promise.allSettled(calls);
  expect(results.map((each) => each.status === "rejected" && each.reason)).toEqual(calls.map(() => reason));
});

test("an answer that is cut is asked for again with a new nonce; a command never is", async () => {
  await using bench = await openBench();
  await using proxy = await startCutProxy(bench.service.url);
  await using engine = bench.open({ baseUrl: proxy.url });
  proxy.cutNext(2);
  expect((await engine.info({ signal })).product).toBe("memory");
  expect(proxy.requests).toHaveLength(3);
  const nonces = proxy.requests.map((head) => /x-dr-nonce: (\S+)/i.exec(head)?.[1]);
  expect(new Set(nonces).size).toBe(3);
  await engine.create(spec("c"), { signal });
  await engine.start("c", { signal });
  const before = proxy.requests.length;
  proxy.cutNext(1);
  const trouble = await troubleOf(engine.exec("c", { signal, command: ["true"] }));
  expect(trouble).toBe("engine-unreachable reset runner_connection_reset 0");
  expect(proxy.requests).toHaveLength(before + 1);
});

test("a read is given up after its attempts", async () => {
  let connections = 0;
  await using cutting = await listen((socket) => {
    connections += 1;
    socket.once("data", () => socket.destroy());
  });
  await using engine = openRunner({ baseUrl: cutting.url, sharedSecret: benchSecret });
  const begun = performance.now();
  expect(await troubleOf(engine.list({}, { signal }))).toMatch(/^engine-unreachable reset/);
  expect(connections).toBe(3);
  expect(performance.now() - begun).toBeLessThan(2000);
});

test("a creation whose answer was lost finds the container that it has made", async () => {
  await using bench = await openBench();
  await using proxy = await startCutProxy(bench.service.url);
  await using engine = bench.open({ baseUrl: proxy.url });
  proxy.cutNext(1);
  const { id } = await engine.create(spec("c"), { signal });
  proxy.cutNext(1);
  await engine.start("c", { signal });
  const all = await bench.memory.list({}, { signal });
  expect(all.map((each) => [each.id, each.state])).toEqual([[id, "running"]]);
  proxy.cutNext(1);
  await engine.remove("c", { signal });
  expect(await bench.memory.list({}, { signal })).toEqual([]);
});

test("a creation that is still under way when it is asked for again is made once", async () => {
  await using bench = await openBench();
  await using proxy = await startCutProxy(bench.service.url);
  await using engine = bench.open({ baseUrl: proxy.url });
  bench.memory.delay("create", 400);
  const creating = engine.create(spec("c"), { signal });
  await new Promise((resolve) => setTimeout(resolve, 100));
  proxy.cutAll();
  const { id } = await creating;
  expect((await bench.memory.list({}, { signal })).map((each) => each.id)).toEqual([id]);
});

test("long calls have no limit of short ones, in either direction", async () => {
  await using bench = await openBench({ heartbeatMs: 50 });
  await using engine = bench.open({ timeoutMs: 150, silenceMs: 400 });
  bench.memory.script("c", { exitAfterMs: 900, exitCode: 3 });
  bench.memory.delay("start", 400);
  await engine.create(spec("c"), { signal });
  await engine.start("c", { signal });
  expect((await engine.wait("c", { signal })).exitCode).toBe(3);
  bench.memory.delay("inspect", 400);
  expect(await troubleOf(engine.inspect("c", { signal }))).toMatch(
    /^engine-unreachable timeout runner_request_timeout/,
  );
});

test("a stream of a runner that fell silent is taken for dead", async () => {
  await using bench = await openBench({ heartbeatMs: 60_000 });
  await using engine = bench.open({ silenceMs: 200 });
  bench.memory.script("c", { output: ["serving"] });
  await engine.create(spec("c"), { signal });
  await engine.start("c", { signal });
  expect(await troubleOf(engine.wait("c", { signal }))).toMatch(
    /^engine-unreachable timeout runner_stream_silent/,
  );
});

test("output that is cut again and again arrives whole, each line once", async () => {
  await using bench = await openBench();
  await using proxy = await startCutProxy(bench.service.url);
  await using engine = bench.open({ baseUrl: proxy.url });
  const output = Array.from({ length: 60 }, (_, index) => ({ text: `line ${index}`, afterMs: index * 20 }));
  bench.memory.script("c", { output, exitAfterMs: 1300, exitCode: 0 });
  await engine.create(spec("c"), { signal });
  await engine.start("c", { signal });
  const lines: string[] = [];
  for await (const { text } of engine.logs("c", { signal, follow: true })) {
    lines.push(text);
    if (lines.length % 15 === 0) proxy.cutAll();
  }
  expect(lines).toEqual(output.map(({ text }) => text));
  expect(proxy.requests.filter((head) => /last-event-id/i.test(head)).length).toBeGreaterThan(1);
});

test("events that are cut end with an error: who listens has to list first", async () => {
  await using bench = await openBench();
  await using proxy = await startCutProxy(bench.service.url);
  await using engine = bench.open({ baseUrl: proxy.url });
  const listen = async (): Promise<void> => {
    for await (const _ of engine.events({}, { signal, onOpen: () => proxy.cutAll() }));
  };
  expect(await troubleOf(listen())).toMatch(/^engine-unreachable reset/);
  expect(proxy.requests.filter((head) => head.includes("/v1/events"))).toHaveLength(1);
});

test("a base URL is taken with its path, and refused with credentials", () => {
  const open = (baseUrl: string) => openRunner({ baseUrl, sharedSecret: "x" });
  expect(open("http://host:7071/runner/").baseUrl).toBe("http://host:7071/runner");
  expect(open("https://host").baseUrl).toBe("https://host");
  for (const bad of ["host:7071", "ftp://host", "http://", "http://user:pw@host", "http://host?x=1", ""])
    expect(() => open(bad)).toThrow(/Cannot use runner/);
  expect(() => open("http://user:pw@host")).not.toThrow(/pw/);
});

test("runnerTrouble() of what is no outage is undefined", () => {
  expect(runnerTrouble(new Error("x"))).toBeUndefined();
});
