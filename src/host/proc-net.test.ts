import { describe, expect, test } from "vitest";
import { addressesMeet, type Listener, pickListener } from "./listener.ts";
import { parseLsof } from "./lsof.ts";
import { parseProcNet, reservedRange } from "./proc-net.ts";

// Recorded on Linux 6.18, x86-64.
const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1061 1 0000000062ab7273 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 20511 1 000000001a2b3c4d 100 0 0 10 0
   2: 0100007F:1F90 0100007F:D2F4 01 00000000:00000000 00:00000000 00000000  1000        0 20512 1 000000001a2b3c4e 20 4 30 10 -1
   3: 0100007F:D2F4 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 20513 1 000000001a2b3c4f 20 4 30 10 -1
`;
const tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31001 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31002 1 0000000000000000 100 0 0 10 0
   2: B80D0120000000000000000001000000:1F92 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31003 1 0000000000000000 100 0 0 10 0
   3: 0000000000000000FFFF00000100007F:1F93 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31004 1 0000000000000000 100 0 0 10 0
`;
const udp = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  141: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 18000 2 0000000000000000 0
  142: 0100007F:0035 0100007F:0036 01 00000000:00000000 00:00000000 00000000   101        0 18001 2 0000000000000000 0
`;

describe("parseProcNet()", () => {
  test("finds listeners, not connections", () => {
    expect(parseProcNet(tcp, "tcp", 8080)).toEqual([
      { protocol: "tcp", address: "127.0.0.1", port: 8080, inode: "20511" },
    ]);
    expect(parseProcNet(tcp, "tcp", 2024)).toMatchObject([{ address: "0.0.0.0", inode: "1061" }]);
    expect(parseProcNet(tcp, "tcp", 54_004)).toEqual([]);
  });

  test.each([
    [8080, "::"],
    [8081, "::1"],
    [8082, "2001:db8::1"],
    [8083, "127.0.0.1"],
  ])("reads the IPv6 address of port %i", (port, address) => {
    expect(parseProcNet(tcp6, "tcp", port)).toMatchObject([{ address }]);
  });

  test("a UDP socket waits when it is not connected", () => {
    expect(parseProcNet(udp, "udp", 53)).toMatchObject([{ address: "127.0.0.53", inode: "18000" }]);
  });

  test("lines of another form are left out", () => {
    expect(parseProcNet("garbage\n1: XYZ:1F90 0 0A\n: :\n\n", "tcp", 8080)).toEqual([]);
  });
});

test("reservedRange() knows single ports and ranges", () => {
  expect(reservedRange("8080,9148-9150\n", 8080)).toBe("8080");
  expect(reservedRange("8080,9148-9150\n", 9149)).toBe("9148-9150");
  expect(reservedRange("8080,9148-9150\n", 9151)).toBeUndefined();
  expect(reservedRange("\n", 8080)).toBeUndefined();
});

test("parseLsof() reads macOS's fields", () => {
  const output =
    "p412\nccom.docker.backend\nf71\nn*:8080\np977\ncOrbStack\\x20Helper\nf9\nn127.0.0.1:8080\nn[::1]:8080\nn*:80\n";
  expect(parseLsof(output, "tcp", 8080)).toEqual([
    { protocol: "tcp", port: 8080, address: "", pid: 412, name: "com.docker.backend" },
    { protocol: "tcp", port: 8080, address: "127.0.0.1", pid: 977, name: "OrbStack Helper" },
    { protocol: "tcp", port: 8080, address: "::1", pid: 977, name: "OrbStack Helper" },
  ]);
  expect(parseLsof("", "tcp", 8080)).toEqual([]);
});

test("addressesMeet() knows which listeners are in the way", () => {
  expect(addressesMeet("127.0.0.1", "0.0.0.0")).toBe(true);
  expect(addressesMeet("127.0.0.1", "::")).toBe(true);
  expect(addressesMeet("", "127.0.0.1")).toBe(true);
  expect(addressesMeet("0.0.0.0", "::1")).toBe(false);
  expect(addressesMeet("127.0.0.1", "127.0.0.2")).toBe(false);
});

test("pickListener() takes the very address before one that only meets it", () => {
  const on = (address: string): Listener => ({ protocol: "tcp", address, port: 1 });
  expect(pickListener([on("::1"), on("0.0.0.0"), on("127.0.0.1")], "127.0.0.1")).toEqual(on("127.0.0.1"));
  expect(pickListener([on("::1"), on("0.0.0.0")], "127.0.0.1")).toEqual(on("0.0.0.0"));
  expect(pickListener([], "")).toBeUndefined();
});
