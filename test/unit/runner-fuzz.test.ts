import { connect } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openBench } from "../support/runner-bench.ts";

const runs = Number(process.env["FUZZ_RUNS"] ?? 1500);

const word = fc.oneof(
  fc.constantFrom(
    "c",
    "..",
    ".",
    "%2e%2e",
    "%00",
    "%zz",
    "",
    "a b",
    "x".repeat(300),
    "%F0%9F%8F%A0",
    "socket",
  ),
  fc.string({ maxLength: 12 }),
);
const part = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...[
        "v1",
        "containers",
        "images",
        "networks",
        "volumes",
        "events",
        "build",
        "execs",
        "info",
        "ready",
        "health",
      ],
      ...["start", "stop", "kill", "rename", "wait", "logs", "exec", "commit", "pull", "c"],
    ),
  },
  { weight: 1, arbitrary: word },
);
const path = fc.oneof(
  fc.array(part, { maxLength: 6 }).map((parts) => `/${parts.join("/")}`),
  fc
    .tuple(fc.constantFrom("containers", "networks", "volumes", "images"), word, part)
    .map(([kind, name, verb]) => `/v1/${kind}/${name}/${verb}`),
);
const query = fc.oneof(
  fc.constant(""),
  fc
    .array(fc.tuple(fc.constantFrom("label", "follow", "tail", "since", "sinceMs", "reference", "all"), word))
    .map((pairs) => `?${pairs.map(([key, value]) => `${key}=${value}`).join("&")}`),
);
const spec = fc.record(
  {
    name: word,
    labels: fc.oneof(fc.constant({}), fc.dictionary(word, word), fc.anything()),
    image: fc.oneof(fc.constant("work:1"), word),
    env: fc.oneof(fc.constant({}), fc.dictionary(word, word), fc.anything()),
    mounts: fc.anything(),
    networks: fc.oneof(fc.array(fc.record({ name: word, aliases: fc.constant([]) })), fc.anything()),
    ports: fc.anything(),
    HostConfig: fc.anything(),
  },
  { requiredKeys: ["name", "image"] },
);
const body = fc.oneof(
  fc.constant(""),
  fc.json(),
  fc.record({ spec, request: fc.constant("request-1") }).map((value) => JSON.stringify(value) ?? ""),
  fc
    .record(
      {
        name: word,
        labels: fc.oneof(fc.constant({}), fc.anything()),
        graceMs: fc.oneof(fc.integer(), fc.anything()),
        signalName: word,
        command: fc.oneof(fc.array(word), fc.anything()),
        reference: word,
        tag: word,
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value) ?? ""),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);
const header = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  {},
  { "content-type": "text/plain" },
  { "last-event-id": "x" },
  { "last-event-id": "1*1" },
  { "content-encoding": "gzip" },
  { "x-dr-nonce": "a, b" },
);

test("whatever is asked for, signed or not, is answered without a 500", { timeout: 120_000 }, async () => {
  await using bench = await openBench();
  const method = fc.constantFrom("GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD");
  await fc.assert(
    fc.asyncProperty(
      fc.record({ method, path, query, body, header, unsigned: fc.boolean() }),
      async ({ method, path, query, body, header, unsigned }) => {
        // What Node's own client will not send is for the test of raw bytes.
        const target = `${path}${query}`.replaceAll(/[^\u0021-\u007e]/g, "%20");
        const isStream = /\/(?:events|wait)(?:\?|$)|follow=true/.test(target) && method === "GET";
        fc.pre(!isStream);
        const answer = await bench.ask(method, target, { body, headers: header, unsigned });
        expect([answer.status, answer.text]).not.toEqual([500, expect.anything()]);
        expect(answer.status).toBeLessThan(600);
        const hasCode = answer.status < 400 || method === "HEAD" || answer.code !== undefined;
        expect([hasCode, answer.status]).toEqual([true, answer.status]);
      },
    ),
    { numRuns: runs },
  );
  expect((await bench.ask("GET", "/v1/health", { unsigned: true })).status).toBe(200);
});

test("raw bytes are answered with a 4xx or closed, and the service goes on", {
  timeout: 120_000,
}, async () => {
  await using bench = await openBench();
  const { port } = new URL(bench.service.url);
  const line = fc.oneof(
    fc.constantFrom(
      "GET /v1/ready HTTP/1.1\r\n",
      "GET http://evil/v1/info HTTP/1.1\r\nHost: x\r\n",
      "GET /v1/info HTTP/1.1\r\nHost: a b\r\n",
      "POST /v1/containers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
      "GET /v1/execs/x/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
      "GET // HTTP/1.1\r\n",
      "CONNECT x:1 HTTP/1.1\r\n",
      "x-dr-timestamp: 1\r\n",
      "\r\n",
    ),
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 4 }), async (lines) => {
      const answer = await new Promise<string>((resolve) => {
        let text = "";
        const socket = connect(Number(port), "127.0.0.1", () =>
          socket.end(Buffer.from(lines.join(""), "latin1")),
        );
        socket.on("data", (data) => {
          text += data.toString("latin1");
        });
        socket.on("error", () => {});
        socket.once("close", () => resolve(text));
      });
      expect(answer).not.toMatch(/^HTTP\/1\.1 500/m);
    }),
    { numRuns: Math.ceil(runs / 4) },
  );
  expect((await bench.ask("GET", "/v1/info")).status).toBe(200);
});
