import { once } from "node:events";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { createMemoryEngine, type MemoryEngine } from "../../../src/drivers/memory/memory-engine.ts";
import type { EngineInfo } from "../../../src/engine/facts.ts";
import { label } from "../../../src/model/labels.ts";
import type { HostPort } from "../../../src/recovery/failure.ts";
import { holderOf, portFreedom } from "../../../src/stack/port-holder.ts";
import { sameHost, sameHostByName } from "../../../src/stack/same-host.ts";

const signal = new AbortController().signal;
const here = { same: true, because: "it is" } as const;
const elsewhere = { same: false, because: "the engine is elsewhere" } as const;

function tcp(number: number, address = "127.0.0.1"): HostPort {
  return { address, number, protocol: "tcp" };
}

async function publish(
  engine: MemoryEngine,
  name: string,
  options: { readonly port: number; readonly hostIp?: string; readonly labels?: Record<string, string> },
): Promise<void> {
  const { port, hostIp = "", labels = {} } = options;
  const ports = [{ hostIp, hostPort: port, containerPort: 80, protocol: "tcp" }] as const;
  await engine.create({ name, labels, image: "busybox:1", env: {}, ports }, { signal });
  await engine.start(name, { signal });
}

/** A server of this process on a port that was free. */
async function listen(host = "127.0.0.1"): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

async function freePort(): Promise<number> {
  await using server = await listen();
  return server.port;
}

describe("holderOf()", () => {
  test("a container of Compose, with project and file", async () => {
    await using engine = createMemoryEngine();
    const labels = {
      "com.docker.compose.project": "ci",
      "com.docker.compose.service": "jenkins",
      "com.docker.compose.project.config_files": "compose.yaml,compose.override.yaml",
      "com.docker.compose.project.working_dir": "/srv/ci",
    };
    await publish(engine, "ci-jenkins-1", { port: 8080, labels });
    expect(await holderOf(engine, tcp(8080), { signal, project: "shop", sameHost: here })).toEqual({
      type: "container",
      by: "compose",
      container: "ci-jenkins-1",
      project: "ci",
      file: "/srv/ci/compose.yaml",
      ours: false,
    });
  });

  test.each(["shop", "other"])(
    "a container of Lash's project %s is ours only if it is that project",
    async (project) => {
      await using engine = createMemoryEngine();
      await publish(engine, "shop.web", {
        port: 8080,
        labels: { [label.project]: "shop", [label.manifest]: "/srv/shop/lash.yml" },
      });
      expect(await holderOf(engine, tcp(8080), { signal, project, sameHost: elsewhere })).toEqual({
        type: "container",
        by: "lash",
        container: "shop.web",
        project: "shop",
        file: "/srv/shop/lash.yml",
        ours: project === "shop",
      });
    },
  );

  test("a container without labels has neither project nor file, and is not ours", async () => {
    await using engine = createMemoryEngine();
    await publish(engine, "stranger", { port: 8080 });
    expect(await holderOf(engine, tcp(8080), { signal, project: "shop", sameHost: here })).toEqual({
      type: "container",
      by: undefined,
      container: "stranger",
      project: undefined,
      file: undefined,
      ours: false,
    });
  });

  test("a container that has stopped, or publishes on another address, holds nothing", async () => {
    await using server = await listen();
    await using engine = createMemoryEngine();
    await publish(engine, "stopped", { port: server.port });
    await engine.stop("stopped", { signal, graceMs: 0 });
    await publish(engine, "elsewhere", { port: server.port, hostIp: "127.0.0.9" });
    const holder = await holderOf(engine, tcp(server.port), { signal, project: "shop", sameHost: here });
    expect(holder).toMatchObject({ type: "process", pid: process.pid });
  });

  test("this machine is not asked when the engine is elsewhere", async () => {
    await using server = await listen();
    await using engine = createMemoryEngine();
    expect(
      await holderOf(engine, tcp(server.port), { signal, project: "shop", sameHost: elsewhere }),
    ).toEqual({
      type: "unknown",
      because: "no container of the engine publishes it, and the engine is elsewhere",
    });
  });
});

describe("portFreedom()", () => {
  test("tells free, held by a container and held by a process apart", async () => {
    await using server = await listen();
    await using engine = createMemoryEngine();
    const [free, container] = [await freePort(), await freePort()];
    await publish(engine, "stranger", { port: container });
    const freedom = await portFreedom(
      await engine.list({}, { signal }),
      [tcp(free), tcp(container), tcp(server.port)],
      {
        signal,
        project: "shop",
        sameHost: here,
      },
    );
    expect(freedom.ports.map(({ state, holder }) => `${state} ${holder?.type ?? ""}`)).toEqual([
      "free ",
      "held container",
      "held process",
    ]);
    expect(freedom.free).toBe(false);
  });

  test("all free here is free", async () => {
    await using engine = createMemoryEngine();
    const ports = [tcp(await freePort()), tcp(await freePort())];
    const freedom = await portFreedom(await engine.list({}, { signal }), ports, {
      signal,
      project: "shop",
      sameHost: here,
    });
    expect(freedom.free).toBe(true);
  });

  test.runIf(process.platform === "linux")("a port that only the engine may bind is looked up", async () => {
    await using engine = createMemoryEngine();
    const wasRoot = process.geteuid?.() === 0;
    if (wasRoot) process.seteuid?.(65_534);
    try {
      const freedom = await portFreedom(await engine.list({}, { signal }), [tcp(878)], {
        signal,
        project: "shop",
        sameHost: here,
      });
      expect(freedom).toMatchObject({ free: true, ports: [{ state: "free", probe: { ipv4: "denied" } }] });
    } finally {
      if (wasRoot) process.seteuid?.(0);
    }
  });

  test("of an engine elsewhere a port is never known to be free", async () => {
    await using engine = createMemoryEngine();
    const freedom = await portFreedom(await engine.list({}, { signal }), [tcp(await freePort())], {
      signal,
      project: "shop",
      sameHost: elsewhere,
    });
    expect(freedom).toMatchObject({ free: false, ports: [{ state: "unknown", probe: undefined }] });
  });
});

describe("sameHost()", () => {
  const info: EngineInfo = {
    product: "Docker Engine",
    version: "28.0.0",
    apiVersion: "1.48",
    id: "x",
    endpoint: "unix:///var/run/docker.sock",
    platform: "linux/amd64",
    host: { name: "box", dataFolder: "/var/lib/docker", rootless: false, addressPools: undefined },
  };

  test("a socket and the same name are proof", () => {
    expect(sameHostByName(info, "box").same).toBe(true);
  });

  test.each([
    ["another name", info, "laptop"],
    ["a TCP endpoint", { ...info, endpoint: "tcp://10.0.0.2:2375" }, "box"],
    ["an engine that tells no name", { ...info, host: undefined }, "box"],
    ["no name at all", { ...info, host: { ...info.host, name: "" } as EngineInfo["host"] }, ""],
  ])("%s is none", (_, told, ownName) => {
    const verdict = sameHostByName(told, ownName);
    expect(verdict.same).toBe(false);
    expect(verdict.because).not.toBe("");
  });

  test("a port that the engine found taken decides for an engine behind a socket file, whatever the names", async () => {
    await using server = await listen();
    const behind = (endpoint: string): EngineInfo => ({
      ...info,
      endpoint,
      host: { name: hostname(), dataFolder: "", rootless: false, addressPools: undefined },
    });
    const local = behind("unix:///var/run/docker.sock");
    expect(await sameHost(local, { signal })).toMatchObject({ same: true });
    expect(await sameHost(local, { signal, taken: tcp(server.port) })).toMatchObject({ same: true });
    expect(await sameHost(local, { signal, taken: tcp(await freePort()) })).toMatchObject({ same: false });
    const remote = behind("tcp://10.0.0.2:2375");
    expect(await sameHost(remote, { signal, taken: tcp(server.port) })).toMatchObject({ same: false });
  });
});
