import { connect } from "node:net";
import { expect, test } from "vitest";
import { checkOrigin } from "../../../src/server/access.ts";
import { at, startTestServer } from "./support.ts";

const token = "0123456789abcdef0123";
const loopback = { host: "127.0.0.1", token: undefined, allowedHosts: [] };
const elsewhere = { host: "0.0.0.0", token, allowedHosts: ["lash.internal"] };

function judge(
  headers: Readonly<Record<string, string>>,
  settings: Parameters<typeof checkOrigin>[1],
): string {
  try {
    checkOrigin(headers, settings);
    return "ok";
  } catch (error) {
    return at(error, "code");
  }
}

test.each([
  ["a program", { host: "127.0.0.1:3010" }, "ok"],
  ["by name", { host: "localhost:3010" }, "ok"],
  ["by IPv6", { host: "[::1]:3010" }, "ok"],
  [
    "its own page",
    { host: "localhost:3010", origin: "http://localhost:3010", "sec-fetch-site": "same-origin" },
    "ok",
  ],
  ["typed into a browser", { host: "localhost:3010", "sec-fetch-site": "none" }, "ok"],
  ["rebound name", { host: "evil.example:3010" }, "host_not_allowed"],
  ["rebound name, same origin", { host: "evil.example", origin: "http://evil.example" }, "host_not_allowed"],
  ["name that ends like ours", { host: "localhost.evil.example" }, "host_not_allowed"],
  ["name below localhost", { host: "evil.localhost" }, "host_not_allowed"],
  ["credentials in the host", { host: "evil@127.0.0.1" }, "host_not_allowed"],
  ["empty host", { host: "" }, "host_not_allowed"],
  ["no host", {}, "bad_request"],
  ["another port", { host: "127.0.0.1:3010", origin: "http://127.0.0.1:8080" }, "origin_not_allowed"],
  [
    "another name of this machine",
    { host: "127.0.0.1:3010", origin: "http://localhost:3010" },
    "origin_not_allowed",
  ],
  ["a file or a sandbox", { host: "127.0.0.1:3010", origin: "null" }, "origin_not_allowed"],
  ["an extension", { host: "127.0.0.1:3010", origin: "chrome-extension://x" }, "origin_not_allowed"],
  ["nonsense", { host: "127.0.0.1:3010", origin: "::" }, "origin_not_allowed"],
  ["another site", { host: "127.0.0.1:3010", "sec-fetch-site": "cross-site" }, "origin_not_allowed"],
  ["the same site", { host: "127.0.0.1:3010", "sec-fetch-site": "same-site" }, "origin_not_allowed"],
  ["nonsense site", { host: "127.0.0.1:3010", "sec-fetch-site": "x" }, "origin_not_allowed"],
])("origin: %s", (_name, headers, expected) => {
  expect(judge(headers, loopback)).toBe(expected);
});

test("off loopback: addresses and allowed names without a token, any name with it, no foreign origin in any case", () => {
  expect(judge({ host: "10.0.0.7:3010" }, elsewhere)).toBe("ok");
  expect(judge({ host: "lash.internal" }, elsewhere)).toBe("ok");
  expect(judge({ host: "Lash.Internal." }, elsewhere)).toBe("ok");
  expect(judge({ host: "evil.example" }, elsewhere)).toBe("host_not_allowed");
  const authorization = `Bearer ${token}`;
  expect(judge({ host: "any.example", authorization }, elsewhere)).toBe("ok");
  expect(judge({ host: "any.example", authorization, origin: "http://evil.example" }, elsewhere)).toBe(
    "origin_not_allowed",
  );
  expect(judge({ host: "any.example", authorization: "Bearer wrong" }, elsewhere)).toBe("host_not_allowed");
});

test("with a token everything but health asks for it", async () => {
  await using server = await startTestServer({ settings: { LASH_SERVER_TOKEN: token } });
  for (const [method, path] of [
    ["GET", "/api/containers"],
    ["GET", "/api/containers?stale=true"],
    ["POST", "/api/containers"],
    ["DELETE", "/api/containers/x"],
    ["GET", "/api/stacks"],
    ["GET", "/metrics"],
    ["GET", "/api/openapi.json"],
    ["POST", "/api/dependency/retry"],
  ] as const) {
    for (const authorization of [
      "",
      "Bearer",
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      `Basic ${token}`,
    ]) {
      const { status, body, headers } = await server.ask(method, path, { headers: { authorization } });
      expect([path, status, at(body, "error", "code")]).toEqual([path, 401, "unauthorized"]);
      expect(headers["www-authenticate"]).toContain("Bearer");
    }
  }
  const headers = { authorization: `Bearer ${token}` };
  expect((await server.ask("GET", "/api/containers", { headers })).status).toBe(200);
  expect(
    (await server.ask("GET", "/metrics", { headers: { authorization: `bearer  ${token}` } })).status,
  ).toBe(200);
  for (const path of ["/health", "/health/live", "/health/ready", "/health/startup"]) {
    expect((await server.ask("GET", path)).status).toBe(200);
  }
  expect(server.audits()[0]).toMatchObject({ by: "nobody", outcome: "refused", status: 401 });
  expect(JSON.stringify(server.lines)).not.toContain(token);
});

test("every answer forbids keeping, guessing, framing and reading from elsewhere; none allows another origin", async () => {
  await using server = await startTestServer();
  for (const path of ["/health", "/api/containers", "/api/none", "/api/containers/x", "/metrics"]) {
    const { headers } = await server.ask("GET", path);
    expect(headers).toMatchObject({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  }
  const preflight = await server.ask("OPTIONS", "/api/containers", {
    headers: { origin: "http://evil.example", "access-control-request-method": "POST" },
  });
  expect(preflight.status).toBe(403);
});

test("a form from another page changes nothing, with and without the headers of new browsers", async () => {
  await using server = await startTestServer();
  const raw = "image=work:1";
  const forms: readonly Readonly<Record<string, string>>[] = [
    { "content-type": "application/x-www-form-urlencoded", origin: "http://evil.example" },
    { "content-type": "text/plain" },
  ];
  for (const headers of forms) {
    const { status } = await server.ask("POST", "/api/containers", { raw, headers });
    expect([403, 415]).toContain(status);
  }
  expect(server.engine.log.filter((entry) => entry.type === "call" && entry.method === "create")).toEqual([]);
});

test("targets in absolute form are judged by their Host", async () => {
  await using server = await startTestServer();
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(server.tcpPort, "127.0.0.1", () => {
      socket.end(
        "GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      );
    });
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
});
