import { expect, test } from "vitest";
import type { JsonObject } from "../../../src/model/json.ts";
import { at, startTestServer, type TestServer } from "./support.ts";

const changing = new Set(["create", "start", "stop", "kill", "remove", "exec", "images.pull", "inspect"]);

function calls({ engine }: TestServer): number {
  return engine.log.filter((entry) => entry.type === "call" && changing.has(entry.method)).length;
}

const bodies: readonly (readonly [path: string, body: unknown])[] = [
  ["/api/images/ensure", {}],
  ["/api/images/ensure", { image: "" }],
  ["/api/images/ensure", { image: "UPPER:1" }],
  ["/api/images/ensure", { image: "../../etc" }],
  ["/api/images/ensure", { image: "work:1", platform: "linux" }],
  ["/api/images/ensure", { image: ["work:1"] }],
  ["/api/containers", {}],
  ["/api/containers", []],
  ["/api/containers", "work:1"],
  ["/api/containers", { image: "work:1", privileged: true }],
  ["/api/containers", { image: "work:1", binds: ["/:/host"] }],
  ["/api/containers", { image: "work:1", mounts: [] }],
  ["/api/containers", { image: "work:1", networks: [{ name: "host" }] }],
  ["/api/containers", { image: "work:1", createExtras: {} }],
  ["/api/containers", { image: "work:1", name: "shop.db" }],
  ["/api/containers", { image: "work:1", name: "../x" }],
  ["/api/containers", { image: "work:1", name: "" }],
  ["/api/containers", { image: "work:1", labels: { "lash.server": "default" } }],
  ["/api/containers", { image: "work:1", labels: { "lash.project": "shop" } }],
  ["/api/containers", { image: "work:1", labels: { a: 1 } }],
  ["/api/containers", { image: "work:1", env: { "A=B": "c" } }],
  ["/api/containers", { image: "work:1", env: { A: "b\u0000c" } }],
  ["/api/containers", { image: "work:1", env: ["A=b"] }],
  ["/api/containers", { image: "work:1", command: [] }],
  ["/api/containers", { image: "work:1", command: "ls" }],
  ["/api/containers", { image: "work:1", command: ["a\u0000"] }],
  ["/api/containers", { image: "work:1", ports: [{ containerPort: 0 }] }],
  ["/api/containers", { image: "work:1", ports: [{ containerPort: 80, hostIp: "x" }] }],
  ["/api/containers", { image: "work:1", ttlSeconds: -1 }],
  ["/api/containers", { image: "work:1", ttlSeconds: 1.5 }],
  ["/api/containers", { image: "work:1", ttlSeconds: "60" }],
  ["/api/containers", { image: "work:1", workingDir: "relative" }],
  ["/api/containers", { image: "work:1", memoryBytes: 1 }],
  ["/api/containers", { image: "work:1", cpus: 0 }],
  ["/api/containers", { image: "work:1", pull: "yes" }],
  ["/api/containers", { image: "work:1", start: "true" }],
  ["/api/containers", { image: null }],
  ["/api/containers/one/start", { force: true }],
  ["/api/containers/one/stop", { graceMs: -1 }],
  ["/api/containers/one/stop", { graceMs: "10" }],
  ["/api/containers/one/exec", {}],
  ["/api/containers/one/exec", { command: [] }],
  ["/api/containers/one/exec", { command: ["a"], timeoutMs: -1 }],
  ["/api/containers/one/exec", { command: ["a"], timeoutMs: 1e12 }],
  ["/api/containers/one/exec", { command: ["a"], privileged: true }],
  ["/api/containers/one/terminal/sessions", { columns: 0 }],
  ["/api/containers/one/terminal/sessions", { rows: 1e6 }],
  ["/api/containers/one/terminal/sessions", { command: [1] }],
  ["/api/stacks/shop/up", { resources: "db" }],
  ["/api/stacks/shop/up", { file: "/etc/passwd" }],
  ["/api/stacks/shop/down", { volumes: "yes" }],
  ["/api/stacks/shop/stop", { resources: ["../x"] }],
  ["/api/stacks/shop/resources/db/restart", { graceMs: null }],
  ["/api/dependency/retry", { now: true }],
];

test("every body that is wrong is refused with what is wrong, before anything is asked of the engine", async () => {
  await using server = await startTestServer();
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "one" } });
  const before = calls(server);
  for (const [path, body] of bodies) {
    const answer = await server.ask("POST", path, { body });
    const shown = `${path} ${JSON.stringify(body)}`;
    expect([shown, answer.status, at(answer.body, "error", "code")]).toEqual([
      shown,
      400,
      "validation_failed",
    ]);
    expect(at(answer.body, "error", "issues", 0, "path")).toMatch(/^body/);
  }
  expect(calls(server)).toBe(before);
});

test("every path and query that is wrong is refused", async () => {
  await using server = await startTestServer();
  const before = calls(server);
  const cases: readonly (readonly [method: string, path: string, status: number])[] = [
    ["GET", "/api/containers?limit=0", 400],
    ["GET", "/api/containers?limit=501", 400],
    ["GET", "/api/containers?limit=1e2", 400],
    ["GET", "/api/containers?limit=%2B1", 400],
    ["GET", "/api/containers?stale=1", 400],
    ["GET", "/api/containers?stale=true&stale=true", 400],
    ["GET", "/api/containers?unknown=1", 400],
    ["GET", "/api/containers?__proto__=1", 400],
    ["GET", "/api/containers?status=dead", 400],
    ["GET", "/api/containers?sortBy=name", 400],
    ["GET", "/api/containers?since=yesterday", 400],
    ["GET", "/api/containers/%2e%2e%2fimages", 400],
    ["GET", "/api/containers/..%2f..%2fetc", 400],
    ["GET", "/api/containers/a%00b", 400],
    ["GET", "/api/containers/%zz", 400],
    ["GET", `/api/containers/${"a".repeat(200)}`, 400],
    ["DELETE", "/api/containers/-x", 400],
    ["DELETE", "/api/containers/one?graceMs=-1", 400],
    ["GET", "/api/containers/one/logs?tail=-1", 400],
    ["GET", "/api/containers/one/logs?tail=all", 400],
    ["GET", "/api/stacks/UPPER", 400],
    ["GET", "/api/stacks/a.b", 400],
    ["GET", "/api/stacks/shop/resources/..%2fx", 400],
    ["GET", "/api/containers/", 404],
    ["GET", "/api/containers/../../etc/passwd", 404],
    ["GET", "//api/containers", 404],
    ["GET", "/API/containers", 404],
    ["GET", "/api", 404],
    ["POST", "/api/containers/one/kill", 404],
    ["PUT", "/api/containers", 405],
    ["PATCH", "/api/containers/one", 405],
    ["DELETE", "/health", 405],
    ["POST", "/metrics", 405],
    ["TRACE", "/api/containers", 405],
  ];
  for (const [method, path, status] of cases) {
    const answer = await server.ask(method, path);
    expect([method, path, answer.status]).toEqual([method, path, status]);
    expect(at(answer.body, "error", "code")).not.toBe("");
  }
  expect(calls(server)).toBe(before);
});

test("bodies that are no JSON, of another kind, or too large", async () => {
  await using server = await startTestServer();
  const post = async (raw: string | Uint8Array, type = "application/json") =>
    await server.ask("POST", "/api/containers", { raw, headers: { "content-type": type } });
  for (const raw of [
    "{",
    "nul",
    "[1,",
    '{"a":1}}',
    "\u0000",
    Buffer.from([0xff, 0xfe]),
    "[".repeat(50_000),
  ]) {
    const { status, body } = await post(raw);
    expect([status, at(body, "error", "code")]).toEqual([400, "bad_request"]);
  }
  const types = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/jsonx",
  ];
  for (const type of types) {
    const { status, body } = await post('{"image":"work:1"}', type);
    expect([status, at(body, "error", "code")]).toEqual([415, "unsupported_media_type"]);
  }
  const large = JSON.stringify({ image: "work:1", env: { A: "x".repeat(1024 * 1024) } });
  expect((await post(large)).status).toBe(413);
  const chunked = await server.ask("POST", "/api/containers/one/stop", {
    raw: "x".repeat(100_000),
    headers: { "content-type": "application/json", "transfer-encoding": "chunked" },
  });
  expect([chunked.status, at(chunked.body, "error", "code")]).toEqual([413, "payload_too_large"]);
  expect(calls(server)).toBe(0);
});

test("what is wrong is told shortly, however much it is", async () => {
  await using server = await startTestServer();
  const body: JsonObject = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`key${n}`, n]));
  const { status, text } = await server.ask("POST", "/api/containers", {
    body: { image: "work:1", env: body },
  });
  expect(status).toBe(400);
  expect(text.length).toBeLessThan(20_000);
});

test("headers that are too large", async () => {
  await using server = await startTestServer();
  const { status, body } = await server.ask("GET", "/health", { headers: { x: "y".repeat(20_000) } });
  expect([status, at(body, "error", "code")]).toEqual([431, "headers_too_large"]);
});
