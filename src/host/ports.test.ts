import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { freeDisk } from "./disk.ts";
import { lookAtPath } from "./path.ts";
import { probePort } from "./port-probe.ts";
import { findListeners, whoListens } from "./who-listens.ts";

const signal = new AbortController().signal;
const hasIpv6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ address }) => address === "::1"),
);

/** First port that everybody may bind; 0 where that is not told. */
const privilegedFrom = firstOpenPort();

function firstOpenPort(): number {
  try {
    return Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  } catch {
    return 0;
  }
}

const holderProgram = `
const [kind, host, only] = process.argv.slice(1);
const tell = (port) => console.log(port);
if (kind === "udp") {
  const type = host.includes(":") ? "udp6" : "udp4";
  const socket = require("node:dgram").createSocket({ type, ipv6Only: only === "only" });
  socket.bind(0, host, () => tell(socket.address().port));
} else {
  const server = require("node:net").createServer();
  server.listen({ port: 0, host, ipv6Only: only === "only" }, () => tell(server.address().port));
}
process.stdin.resume().on("end", () => process.exit());
`;

interface Holder extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** A child that has a port until disposed. */
async function hold(kind: "tcp" | "udp", host: string, only = ""): Promise<Holder> {
  const child: ChildProcess = spawn(process.execPath, ["-e", holderProgram, "--", kind, host, only], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("no output");
  const [said] = await once(child.stdout, "data");
  return {
    port: Number(String(said)),
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      child.stdin?.end();
      await exited;
    },
  };
}

describe("probePort()", () => {
  test("IPv4 only: taken there, free on IPv6", async () => {
    await using holder = await hold("tcp", "0.0.0.0");
    const probe = await probePort({ number: holder.port, protocol: "tcp" }, { signal });
    expect(probe).toEqual({ free: false, ipv4: "in-use", ipv6: hasIpv6 ? "free" : probe.ipv6 });
    expect(probe.ipv6).not.toBe("in-use");
  });

  test("one IPv4 address is in the way of all, and of itself, not of another", async () => {
    await using holder = await hold("tcp", "127.0.0.1");
    const at = async (address: string) =>
      (await probePort({ number: holder.port, protocol: "tcp", address }, { signal })).ipv4;
    expect(await at("")).toBe("in-use");
    expect(await at("127.0.0.1")).toBe("in-use");
  });

  test.runIf(process.platform === "linux")("one address is not in the way of another", async () => {
    await using holder = await hold("tcp", "127.0.0.1");
    const port = { number: holder.port, protocol: "tcp", address: "127.0.0.2" } as const;
    expect(await probePort(port, { signal })).toEqual({ free: true, ipv4: "free", ipv6: "not-asked" });
  });

  // As root it gives the right up for the call; another process that runs as root may do as it likes meanwhile.
  test.runIf(privilegedFrom > 900)("a port that is not for us is an answer of its own", async () => {
    const wasRoot = process.geteuid?.() === 0;
    if (wasRoot) process.seteuid?.(65_534);
    try {
      const probe = await probePort({ number: 877, protocol: "tcp" }, { signal });
      expect(probe).toMatchObject({ free: false, ipv4: "denied" });
    } finally {
      if (wasRoot) process.seteuid?.(0);
    }
  });

  test.runIf(hasIpv6)("IPv6 only: taken there, free on IPv4", async () => {
    await using holder = await hold("tcp", "::", "only");
    expect(await probePort({ number: holder.port, protocol: "tcp" }, { signal })).toEqual({
      free: false,
      ipv4: "free",
      ipv6: "in-use",
    });
  });

  test.runIf(hasIpv6)("::1 alone is seen by whoever asks for 127.0.0.1", async () => {
    await using holder = await hold("tcp", "::1");
    const port = { number: holder.port, protocol: "tcp", address: "127.0.0.1" } as const;
    expect(await probePort(port, { signal })).toEqual({ free: false, ipv4: "free", ipv6: "in-use" });
  });

  test.runIf(hasIpv6)("dual stack: taken on both", async () => {
    await using holder = await hold("tcp", "::");
    expect(await probePort({ number: holder.port, protocol: "tcp" }, { signal })).toEqual({
      free: false,
      ipv4: "in-use",
      ipv6: "in-use",
    });
  });

  test("UDP and TCP are two ports", async () => {
    await using holder = await hold("udp", "0.0.0.0");
    expect((await probePort({ number: holder.port, protocol: "udp" }, { signal })).ipv4).toBe("in-use");
    expect((await probePort({ number: holder.port, protocol: "tcp" }, { signal })).ipv4).toBe("free");
  });

  test.runIf(hasIpv6)("UDP on IPv6 only", async () => {
    await using holder = await hold("udp", "::", "only");
    expect(await probePort({ number: holder.port, protocol: "udp" }, { signal })).toEqual({
      free: false,
      ipv4: "free",
      ipv6: "in-use",
    });
  });

  test("free again once the holder is gone, and probing leaves nothing open", async () => {
    const holder = await hold("tcp", "0.0.0.0");
    await holder[Symbol.asyncDispose]();
    const port = { number: holder.port, protocol: "tcp" } as const;
    expect((await probePort(port, { signal })).free).toBe(true);
    expect((await probePort(port, { signal })).free).toBe(true);
  });

  test("an address of another machine is an answer of its own", async () => {
    expect(await probePort({ number: 45_678, protocol: "tcp", address: "192.0.2.1" }, { signal })).toEqual({
      free: false,
      ipv4: "no-such-address",
      ipv6: "not-asked",
    });
  });

  test("SCTP cannot be found out", async () => {
    expect((await probePort({ number: 45_678, protocol: "sctp" }, { signal })).free).toBe(false);
  });

  test("an aborted signal ends it", async () => {
    const reason = new Error("enough");
    await expect(
      probePort({ number: 45_678, protocol: "tcp" }, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });
});

describe("whoListens()", () => {
  test.each([
    ["tcp", "127.0.0.1"],
    ["udp", "127.0.0.1"],
    ...(hasIpv6 ? [["tcp", "::1"] as const, ["udp", "::1"] as const] : []),
  ] as const)("names the child that has a %s port on %s", async (protocol, address) => {
    await using holder = await hold(protocol, address);
    expect(await whoListens({ number: holder.port, protocol, address: "" }, { signal })).toEqual({
      type: "process",
      pid: holder.pid,
      name: "node",
      address,
    });
  });

  test("a port nobody has is unknown, with where was looked", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const number = typeof address === "object" && address !== null ? address.port : 0;
    server.close();
    await once(server, "close");
    const holder = await whoListens({ number, protocol: "tcp", address: "" }, { signal });
    expect(holder).toMatchObject({ type: "unknown", because: expect.stringContaining(String(number)) });
  });

  test("SCTP says that it cannot look", async () => {
    const { listeners, because } = await findListeners(
      { number: 1, protocol: "sctp", address: "" },
      { signal },
    );
    expect(listeners).toBeUndefined();
    expect(because).toContain("SCTP");
  });
});

test("freeDisk() tells the space of a folder, and nothing of one that is not there", async () => {
  const space = await freeDisk(import.meta.dirname, { signal });
  expect(space?.freeBytes).toBeGreaterThan(0);
  expect(space?.totalBytes).toBeGreaterThanOrEqual(space?.freeBytes ?? 0);
  expect(await freeDisk("/nonexistent/folder", { signal })).toBeUndefined();
});

test("lookAtPath() tells what is there from what is not", async () => {
  expect(await lookAtPath(import.meta.dirname, { signal })).toBe("there");
  expect(await lookAtPath(`${import.meta.filename}/inside`, { signal })).toBe("missing");
  expect(await lookAtPath("/nonexistent/folder", { signal })).toBe("missing");
});
