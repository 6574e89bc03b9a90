import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePort, parsePortMappings } from "./port-mapping.ts";

const tcp = { hostIp: "127.0.0.1", protocol: "tcp" } as const;

test.each([
  ["8080", [{ ...tcp, hostPort: 8080, containerPort: 8080 }]],
  ["9090:80", [{ ...tcp, hostPort: 9090, containerPort: 80 }]],
  ["0:80", [{ ...tcp, hostPort: 0, containerPort: 80 }]],
  ["0.0.0.0:9090:80", [{ ...tcp, hostIp: "0.0.0.0", hostPort: 9090, containerPort: 80 }]],
  ["[::1]:9090:80", [{ ...tcp, hostIp: "::1", hostPort: 9090, containerPort: 80 }]],
  ["53:53/udp", [{ ...tcp, hostPort: 53, containerPort: 53, protocol: "udp" as const }]],
  [
    "8000-8001:80-81",
    [
      { ...tcp, hostPort: 8000, containerPort: 80 },
      { ...tcp, hostPort: 8001, containerPort: 81 },
    ],
  ],
  [
    "0:80-81",
    [
      { ...tcp, hostPort: 0, containerPort: 80 },
      { ...tcp, hostPort: 0, containerPort: 81 },
    ],
  ],
])("parsePortMappings() reads %s", (text, mappings) => {
  expect(parsePortMappings(text)).toEqual({ ok: true, value: mappings });
});

test.each([
  "",
  "0",
  "a",
  "80:",
  ":80",
  "80:a",
  "70000",
  "80:70000",
  "80:0",
  "-1:80",
  "80/http",
  "1:2:3:4",
  "::1:80:80",
  "[::1:80:80",
  "[zz]:80:80",
  "1.2.3:80:80",
  "host:80:80",
  "80-81:80",
  "81-80:81-80",
  "0-1:80-81",
  "1-5000:1-5000",
  "80 :80",
])("parsePortMappings() refuses %j", (text) => {
  expect(parsePortMappings(text).ok).toBe(false);
});

test("parsePortMappings() never throws and gives ports in range", () => {
  const digits = fc.stringMatching(/^[0-9a-f.:[\]/-]{0,20}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), digits), (text) => {
      const result = parsePortMappings(text);
      for (const { hostPort = -1, containerPort } of result.ok ? result.value : []) {
        expect(hostPort >= 0 && hostPort <= 65_535 && containerPort > 0 && containerPort <= 65_535).toBe(
          true,
        );
      }
    }),
  );
});

test("parsePort() takes 0 only where it means any", () => {
  expect(parsePort("0", 0)).toEqual({ ok: true, value: 0 });
  expect(parsePort("0", 1)).toEqual({ ok: false, expected: "a port from 1 to 65535" });
  expect(parsePort("65536", 1).ok).toBe(false);
  expect(parsePort("8e3", 1).ok).toBe(false);
});
