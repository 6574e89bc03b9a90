import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { LashError } from "../../src/model/errors.ts";
import { signedHeaders } from "../../src/runner/protocol/signature.ts";
import { benchPolicy, keys, openBench } from "../support/runner-bench.ts";

const spec = (name: string, more: object = {}) => ({ name, labels: {}, image: "work:1", env: {}, ...more });
const create = (name: string, more: object = {}, request = `request-${name}`): string =>
  JSON.stringify({ spec: spec(name, more), request });

/** Every signed route once, with a body that is good. */
const routes: readonly (readonly [method: string, path: string, body?: string])[] = [
  ["GET", "/v1/info"],
  ["GET", "/v1/containers"],
  ["POST", "/v1/containers", create("made")],
  ["GET", "/v1/containers/c"],
  ["DELETE", "/v1/containers/c"],
  ["POST", "/v1/containers/c/start"],
  ["POST", "/v1/containers/c/stop", '{"graceMs":1}'],
  ["POST", "/v1/containers/c/kill", '{"signalName":"SIGKILL"}'],
  ["POST", "/v1/containers/c/rename", '{"name":"d"}'],
  ["GET", "/v1/containers/c/wait"],
  ["GET", "/v1/containers/c/logs?follow=false"],
  ["POST", "/v1/containers/c/exec", '{"command":["true"]}'],
  ["GET", "/v1/execs/x/socket"],
  ["GET", "/v1/events"],
  ["GET", "/v1/images?reference=work:1"],
  ["DELETE", "/v1/images?reference=work:1"],
  ["POST", "/v1/images/pull", '{"reference":"far:1"}'],
  ["POST", "/v1/containers/c/commit", '{"tag":"t:1","labels":{}}'],
  ["POST", "/v1/build", "x"],
  ["GET", "/v1/networks"],
  ["GET", "/v1/networks/n"],
  ["POST", "/v1/networks", '{"name":"n","labels":{}}'],
  ["DELETE", "/v1/networks/n"],
  ["GET", "/v1/volumes"],
  ["GET", "/v1/volumes/v"],
  ["POST", "/v1/volumes", '{"name":"v","labels":{}}'],
  ["DELETE", "/v1/volumes/v"],
];

test("nothing signed is answered, and no engine asked, without a good signature", async () => {
  await using bench = await openBench();
  for (const [method, path, body] of routes) {
    const missing = await bench.ask(method, path, { body, unsigned: true });
    expect([missing.status, missing.code], `${method} ${path}`).toEqual([401, "missing_headers"]);
    const wrong = await bench.ask(method, path, { body, key: { id: "default", secret: "wrong" } });
    expect([wrong.status, wrong.code], `${method} ${path}`).toEqual([401, "invalid_signature"]);
  }
  expect(bench.memory.log).toEqual([]);
});

test("each code of a refused signature comes with 401", async () => {
  await using bench = await openBench();
  const bodyHash = createHash("sha256").update("").digest("base64");
  const headers = signedHeaders(
    { method: "GET", path: "/v1/info", bodyHash },
    { key: keys.alice, nowMs: Date.now() },
  );
  const ask = async (more: Readonly<Record<string, string>>): Promise<unknown> => {
    const { status, code } = await bench.ask("GET", "/v1/info", {
      unsigned: true,
      headers: { ...headers, ...more },
    });
    return [status, code];
  };
  expect(await ask({ "x-dr-timestamp": "soon" })).toEqual([401, "invalid_timestamp"]);
  expect(await ask({ "x-dr-timestamp": String(Date.now() + 61_000) })).toEqual([
    401,
    "timestamp_out_of_range",
  ]);
  expect(await ask({ "x-dr-timestamp": String(Date.now() - 61_000) })).toEqual([
    401,
    "timestamp_out_of_range",
  ]);
  expect(await ask({ "x-dr-signature": "AAAA" })).toEqual([401, "invalid_signature"]);
  expect(await ask({})).toEqual([200, undefined]);
  expect(await ask({})).toEqual([401, "replayed_nonce"]);
});

test("health is open; readiness tells more to who signs, and refuses who signs wrongly", async () => {
  await using bench = await openBench();
  const health = await bench.ask("GET", "/v1/health", { unsigned: true });
  expect([health.status, JSON.parse(health.text)]).toEqual([200, { status: "ok" }]);
  expect((await bench.ask("HEAD", "/v1/health", { unsigned: true })).status).toBe(200);
  const open = await bench.ask("GET", "/v1/ready", { unsigned: true });
  expect([open.status, JSON.parse(open.text)]).toEqual([200, { status: "ready" }]);
  const signed = await bench.ask("GET", "/v1/ready");
  expect(JSON.parse(signed.text)).toMatchObject({
    status: "ready",
    owner: "alice",
    engine: { product: "memory" },
  });
  const wrong = await bench.ask("GET", "/v1/ready", { key: { id: "default", secret: "wrong" } });
  expect([wrong.status, wrong.code]).toEqual([401, "invalid_signature"]);
  bench.memory.disconnect();
  await new Promise((resolve) => setTimeout(resolve, 550));
  const down = await bench.ask("GET", "/v1/ready", { unsigned: true });
  expect([down.status, down.code]).toEqual([503, "docker_unavailable"]);
  expect(JSON.parse(down.text)).toEqual({
    error: {
      code: "docker_unavailable",
      message: "Cannot use the engine: it does not answer",
      retryable: true,
    },
  });
  expect((await bench.ask("GET", "/v1/ready")).code).toBe("engine_unreachable");
  expect((await bench.ask("GET", "/v1/health", { unsigned: true })).status).toBe(200);
});

test.each([
  ["no such route", "GET", "/v1/nothing", undefined, 404, "not_found"],
  ["no such version", "GET", "/v2/info", undefined, 404, "not_found"],
  ["a wrong method", "PUT", "/v1/containers", undefined, 405, "method_not_allowed"],
  ["a wrong method of an open route", "POST", "/v1/health", undefined, 405, "method_not_allowed"],
  ["HEAD of a signed route", "HEAD", "/v1/info", undefined, 405, undefined],
  ["a path that leads up", "GET", "/v1/containers/..%2f..%2finfo", undefined, 400, "validation_error"],
  ["a slash in a name", "GET", "/v1/containers/a%2Fb", undefined, 400, "validation_error"],
  ["a null byte in a name", "GET", "/v1/containers/a%00b", undefined, 400, "validation_error"],
  ["a broken escape in a name", "GET", "/v1/containers/%zz", undefined, 400, "validation_error"],
  ["an unknown parameter", "GET", "/v1/containers?all=1", undefined, 400, "validation_error"],
  [
    "a repeated parameter",
    "GET",
    "/v1/containers/c/logs?follow=true&follow=false",
    undefined,
    400,
    "validation_error",
  ],
  ["a number for a boolean", "GET", "/v1/containers/c/logs?follow=1", undefined, 400, "validation_error"],
  ["no boolean at all", "GET", "/v1/containers/c/logs", undefined, 400, "validation_error"],
  [
    "a tail that is negative",
    "GET",
    "/v1/containers/c/logs?follow=true&tail=-1",
    undefined,
    400,
    "validation_error",
  ],
  [
    "a since that is no time",
    "GET",
    "/v1/containers/c/logs?follow=true&since=now",
    undefined,
    400,
    "validation_error",
  ],
  [
    "an image that is a path",
    "GET",
    "/v1/images?reference=../containers/c",
    undefined,
    400,
    "validation_error",
  ],
  ["no JSON", "POST", "/v1/containers", "{", 400, "bad_json"],
  ["no UTF-8", "POST", "/v1/containers", Buffer.from([0x22, 0xff, 0x22]), 400, "bad_json"],
  ["a list for an object", "POST", "/v1/containers", "[]", 400, "validation_error"],
  ["nothing for an object", "POST", "/v1/containers", "", 400, "validation_error"],
  ["a null", "POST", "/v1/containers", "null", 400, "validation_error"],
  [
    "raw create options",
    "POST",
    "/v1/containers",
    create("c", { HostConfig: { PidMode: "host" } }),
    400,
    "validation_error",
  ],
  ["a wrong type", "POST", "/v1/containers", create("c", { env: ["A=b"] }), 400, "validation_error"],
  ["a port that is none", "POST", "/v1/networks", '{"name":"n"}', 400, "validation_error"],
  ["a grace that is negative", "POST", "/v1/containers/c/stop", '{"graceMs":-1}', 400, "validation_error"],
  [
    "a signal that is none",
    "POST",
    "/v1/containers/c/kill",
    '{"signalName":"; reboot"}',
    400,
    "validation_error",
  ],
  ["an exec without words", "POST", "/v1/containers/c/exec", '{"command":[]}', 400, "validation_error"],
  ["a build that is JSON", "POST", "/v1/build", "{}", 415, "unsupported_media_type"],
  ["a body for a GET", "GET", "/v1/info", "{}", 413, "body_too_large"],
] as const)(
  "%s is refused with a code, and no engine is asked",
  async (_what, method, path, body, status, code) => {
    await using bench = await openBench();
    const answer = await bench.ask(method, path, { body });
    expect([answer.status, answer.code]).toEqual([status, code]);
    expect(answer.text).not.toContain('"retryable":true');
    expect(bench.memory.log).toEqual([]);
  },
);

test("a body above the limit is refused, told or not, and the service goes on", async () => {
  await using bench = await openBench();
  const large = JSON.stringify({ spec: "x".repeat(9 * 1024 * 1024) });
  expect((await bench.ask("POST", "/v1/containers", { body: large })).code).toBe("body_too_large");
  const headers = { "transfer-encoding": "chunked" };
  // The answer may come before everything was sent, and the connection end under the sender.
  const chunked = await bench
    .ask("POST", "/v1/containers", { body: large, headers })
    .then(({ code }) => code)
    .catch((error: NodeJS.ErrnoException) => error.code);
  expect(["body_too_large", "ECONNRESET", "EPIPE"]).toContain(chunked);
  expect((await bench.ask("GET", "/v1/info")).status).toBe(200);
});

test("an upload has to be what its signature says, and is not begun without one", async () => {
  await using bench = await openBench();
  const body = "x".repeat(1000);
  const other = createHash("sha256").update("y").digest("base64");
  const ask = async (headers: Readonly<Record<string, string>>): Promise<unknown> => {
    const { status, code } = await bench.ask("POST", "/v1/build", { body, headers });
    return [status, code];
  };
  const type = { "content-type": "application/vnd.lash.build" };
  expect(await ask({ ...type, "x-dr-body-sha256": other })).toEqual([401, "invalid_signature"]);
  const signed = signedHeaders(
    { method: "POST", path: "/v1/build", bodyHash: other },
    { key: keys.alice, nowMs: Date.now() },
  );
  expect(await ask({ ...type, ...signed, "x-dr-body-sha256": other })).toEqual([401, "invalid_signature"]);
  expect(await ask(type)).toEqual([400, "validation_error"]);
  expect(bench.memory.log).toEqual([]);
});

test("another type than JSON is refused", async () => {
  await using bench = await openBench();
  const headers = { "content-type": "text/plain" };
  const answer = await bench.ask("POST", "/v1/containers", { body: create("c"), headers });
  expect([answer.status, answer.code]).toEqual([415, "unsupported_media_type"]);
});

test("what leads out of a container is refused by default, before the engine is asked", async () => {
  await using bench = await openBench();
  const bind = { type: "bind", source: "/", target: "/host", readOnly: true };
  for (const more of [
    { privileged: true },
    { networks: [{ name: "host", aliases: [] }] },
    { networks: [{ name: "container:other", aliases: [] }] },
    { mounts: [bind] },
    { capAdd: ["SYS_ADMIN"] },
    { devices: ["/dev/sda"] },
    { securityOpt: ["seccomp=unconfined"] },
  ]) {
    const answer = await bench.ask("POST", "/v1/containers", { body: create("c", more) });
    expect([answer.status, answer.code], `with ${JSON.stringify(more)}`).toEqual([403, "policy_refused"]);
  }
  const label = create("c", { labels: { "lash.owner": "bob" } });
  expect((await bench.ask("POST", "/v1/containers", { body: label })).code).toBe("policy_refused");
  expect(bench.memory.log.filter(({ type }) => type === "change")).toEqual([]);
});

test("images that the policy does not name are neither run, pulled, made nor removed", async () => {
  await using bench = await openBench({ policy: benchPolicy({ images: ["other:*"] }) });
  const refused = async (method: string, path: string, body?: string): Promise<unknown> => {
    const { status, code } = await bench.ask(method, path, { body });
    return [status, code];
  };
  expect(await refused("POST", "/v1/containers", create("c"))).toEqual([403, "policy_refused"]);
  expect(await refused("POST", "/v1/images/pull", '{"reference":"far:1"}')).toEqual([403, "policy_refused"]);
  expect(await refused("POST", "/v1/containers/c/commit", '{"tag":"work:2","labels":{}}')).toEqual([
    403,
    "policy_refused",
  ]);
  expect(await refused("DELETE", "/v1/images?reference=work:1")).toEqual([403, "foreign_object"]);
});

test("a container is for the owner of the key that made it, by name and by id, on every route", async () => {
  await using bench = await openBench();
  const made = await bench.ask("POST", "/v1/containers", { body: create("c") });
  const { id } = JSON.parse(made.text) as { readonly id: string };
  const { signal } = new AbortController();
  const stranger = await bench.memory.create(spec("theirs"), { signal });
  const key = keys.bob;
  for (const [method, path, body] of routes.filter(([, path]) => path.includes("/containers/c"))) {
    for (const name of ["c", id]) {
      const asked = path.replace("/containers/c", `/containers/${name}`);
      const answer = await bench.ask(method, asked, { body, key });
      expect([answer.status, answer.code], `${method} ${asked}`).toEqual([403, "foreign_object"]);
    }
    const others = await bench.ask(method, path.replace("/containers/c", `/containers/${stranger.id}`), {
      body,
    });
    expect([others.status, others.code], `${method} ${path} of nobody's`).toEqual([403, "foreign_object"]);
  }
  expect(JSON.parse((await bench.ask("GET", "/v1/containers", { key })).text)).toEqual([]);
  expect(
    JSON.parse((await bench.ask("GET", "/v1/containers?label=lash.owner%3Dalice", { key })).text),
  ).toEqual([]);
  expect(JSON.parse((await bench.ask("GET", "/v1/containers")).text)).toMatchObject([{ id, name: "c" }]);
  expect((await bench.memory.inspect("c", { signal }))?.state).toBe("created");
  expect((await bench.memory.inspect("theirs", { signal }))?.state).toBe("created");
});

test("networks and volumes are for their owner, and containers join and use no others", async () => {
  await using bench = await openBench();
  const key = keys.bob;
  for (const kind of ["networks", "volumes"]) {
    expect(
      (await bench.ask("POST", `/v1/${kind}`, { body: '{"name":"x","labels":{}}' })).status,
    ).toBeLessThan(300);
    expect((await bench.ask("GET", `/v1/${kind}/x`, { key })).code).toBe("foreign_object");
    expect((await bench.ask("DELETE", `/v1/${kind}/x`, { key })).code).toBe("foreign_object");
    expect(JSON.parse((await bench.ask("GET", `/v1/${kind}`, { key })).text)).toEqual([]);
  }
  expect((await bench.ask("POST", "/v1/volumes", { body: '{"name":"x","labels":{}}', key })).code).toBe(
    "foreign_object",
  );
  const join = create("c", { networks: [{ name: "x", aliases: [] }] });
  expect((await bench.ask("POST", "/v1/containers", { body: join, key })).code).toBe("foreign_object");
  const use = create("c", { mounts: [{ type: "volume", source: "x", target: "/x", readOnly: false }] });
  expect((await bench.ask("POST", "/v1/containers", { body: use, key })).code).toBe("foreign_object");
  expect((await bench.ask("POST", "/v1/containers", { body: use })).status).toBe(201);
});

test("a volume that a container brings into being is its owner's", async () => {
  await using bench = await openBench();
  const use = create("c", { mounts: [{ type: "volume", source: "fresh", target: "/x", readOnly: false }] });
  expect((await bench.ask("POST", "/v1/containers", { body: use })).status).toBe(201);
  expect((await bench.ask("GET", "/v1/volumes/fresh")).status).toBe(200);
  expect((await bench.ask("GET", "/v1/volumes/fresh", { key: keys.bob })).code).toBe("foreign_object");
});

test("a creation asked for again with its id finds the container that is there; another one does not", async () => {
  await using bench = await openBench();
  const first = await bench.ask("POST", "/v1/containers", { body: create("c") });
  const again = await bench.ask("POST", "/v1/containers", { body: create("c") });
  expect([again.status, again.text]).toEqual([201, first.text]);
  const other = await bench.ask("POST", "/v1/containers", { body: create("c", {}, "another-request") });
  expect([other.status, other.code]).toEqual([409, "engine_conflict"]);
  const others = await bench.ask("POST", "/v1/containers", { body: create("c"), key: keys.bob });
  expect([others.status, others.code]).toEqual([409, "engine_conflict"]);
});

test("the same creation twice at once makes one container", async () => {
  await using bench = await openBench();
  bench.memory.delay("create", 100);
  const answers = await Promise.all(
    [1, 2, 3].map(() => bench.ask("POST", "/v1/containers", { body: create("c") })),
  );
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
});

test("a name that is given away before its container can be seen is waited for", async () => {
  await using bench = await openBench();
  const { signal } = new AbortController();
  const taken = new LashError("engine-conflict", "Cannot create it: the name is in use");
  bench.memory.failNext("create", taken);
  const labels = { "lash.owner": "alice", "lash.request": "request-c" };
  // What an attempt before this one is still making.
  const later = new Promise((resolve) => setTimeout(resolve, 300)).then(() =>
    bench.memory.create({ name: "c", labels, image: "work:1", env: {} }, { signal }),
  );
  const answer = await bench.ask("POST", "/v1/containers", { body: create("c") });
  expect([answer.status, JSON.parse(answer.text)]).toEqual([201, { id: (await later).id }]);
});

test("errors of the engine keep their status, code and words", async () => {
  await using bench = await openBench();
  const absent = await bench.ask("POST", "/v1/containers/absent/start");
  expect([absent.status, absent.code]).toEqual([404, "engine_not_found"]);
  const image = await bench.ask("POST", "/v1/containers", { body: create("c", { image: "absent:1" }) });
  expect([image.status, image.code]).toEqual([404, "engine_not_found"]);
  expect(JSON.parse(image.text).error.message).toMatch(/absent:1/);
  bench.memory.failNext("info");
  const failed = await bench.ask("GET", "/v1/info");
  expect(failed.status).toBeGreaterThanOrEqual(400);
  bench.memory.disconnect();
  const gone = await bench.ask("GET", "/v1/info");
  expect([gone.status, gone.code]).toEqual([503, "engine_unreachable"]);
  expect(JSON.parse(gone.text).error.retryable).toBe(true);
});

test("keys can be changed while it runs, without an interruption", async () => {
  await using bench = await openBench();
  expect((await bench.ask("GET", "/v1/info", { key: keys.bob })).status).toBe(200);
  bench.service.setPolicy(benchPolicy({ keys: [{ id: "default", owner: "alice" }] }));
  expect((await bench.ask("GET", "/v1/info", { key: keys.bob })).code).toBe("invalid_signature");
  expect((await bench.ask("GET", "/v1/info")).status).toBe(200);
});
