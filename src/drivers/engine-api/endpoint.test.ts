import { expect, test } from "vitest";
import { parseEndpoint } from "./endpoint.ts";

test.each([
  ["unix:///run/x.sock", { kind: "unix", path: "/run/x.sock", text: "unix:///run/x.sock" }],
  ["tcp://host:1234", { host: "host", port: 1234, tls: undefined, text: "tcp://host:1234" }],
  ["tcp://host", { port: 2375 }],
  ["tcp://", { host: "127.0.0.1", port: 2375 }],
  ["host:99", { host: "host", port: 99 }],
  ["http://host:80/base/", { port: 2375, basePath: "/base" }],
  ["https://host", { port: 2376, tls: { verify: true }, text: "https://host:2376" }],
  ["tcp://[::1]:2375", { host: "::1", text: "tcp://[::1]:2375" }],
])("parseEndpoint(%j)", (address, expected) => {
  expect(parseEndpoint(address, "DOCKER_HOST", undefined)).toMatchObject(expected);
});

test("parseEndpoint() uses TLS for tcp when there is material", () => {
  const tls = { ca: "x", verify: true };
  expect(parseEndpoint("tcp://host", "DOCKER_HOST", tls)).toMatchObject({ port: 2376, tls });
});

test.each(["ssh://me@host", "npipe:////./pipe/docker_engine", "unix://", "ftp://x"])(
  "parseEndpoint(%j) is refused with what to do",
  (address) => {
    const read = (): unknown => parseEndpoint(address, "DOCKER_HOST", undefined);
    expect(read).toThrow(/from DOCKER_HOST/);
  },
);

test("parseEndpoint() keeps credentials out of its message", () => {
  expect(() => parseEndpoint("ssh://me:secret@host", "DOCKER_HOST", undefined)).toThrow(/^(?!.*secret)/);
});
