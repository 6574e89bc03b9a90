import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startDocker } from "../bed/engine.ts";
import { bringDown, ownAddresses, web } from "../support/cli.ts";
import { watchEngine } from "../support/engine-watch.ts";
import { makeStranger, openScene, type Scene } from "../support/failed-up.ts";
import { listenIn } from "../support/listener.ts";

let engine: Engine;

/** Lash beside the engine, in its network: there it sees who has a port. */
function scene(ports: string): Promise<Scene> {
  return openScene({
    socket: engine.socket,
    under: engine.nsenterArgv([]),
    resources: `  api: ${web(0, `ports: ["${ports}"]`)}`,
  });
}

/**
 * An engine beside the file's own, in the same network as on a machine with two of them. Without rules of its own, and
 * on a bridge of its own, it takes nothing from the other.
 */
async function startOther(version: "20.10" | "28"): Promise<Engine> {
  await engine.nsenter(["ip", "link", "add", "other0", "type", "bridge"]);
  await engine.nsenter(["ip", "address", "add", "10.119.0.1/24", "dev", "other0"]);
  const other = await startDocker({
    version,
    ownNetwork: false,
    under: engine.nsenterArgv([]),
    args: ["--iptables=false", "--ip6tables=false", "--bridge=other0"],
  });
  await other.loadImages("base");
  return other;
}

describe.each([
  ["20.10", 11],
  ["28", 12],
] as const)("Docker %s", (version, number) => {
  beforeAll(async () => {
    engine = await startDocker({ version, args: ownAddresses(number) });
    await engine.loadImages("base");
  });
  afterAll(async () => {
    await engine.stop();
  });

  test("a container of the same engine has the port", async () => {
    await using one = await scene("8081:80");
    await using holder = await makeStranger(engine.socket, {
      name: `holder-${one.project.name}`,
      labels: {
        "com.docker.compose.project": "shop",
        "com.docker.compose.project.config_files": "/srv/shop/compose.yaml",
      },
      port: 8081,
    });
    await one.watchAgain();
    const { failure } = await one.failedUp();
    expect(failure).toMatchObject({
      code: "port-in-use",
      subject: "api",
      details: { port: { address: "127.0.0.1", number: 8081, protocol: "tcp" } },
      holder: {
        type: "container",
        container: holder.name,
        project: "shop",
        file: "/srv/shop/compose.yaml",
        ours: false,
      },
    });
    expect(failure.evidence).toContain("Bind for 127.0.0.1:8081 failed: port is already allocated");
  });

  test("a container of another engine has the port: its proxy is named, and left alone", async () => {
    await using other = await startOther(version === "28" ? "20.10" : "28");
    await using holder = await makeStranger(other.socket, { name: "holder", port: 8087 });
    const watch = await watchEngine(other.socket, { project: "none" });
    await using one = await scene("8087:80");
    const { failure } = await one.failedUp();
    expect(failure).toMatchObject({
      code: "port-in-use",
      subject: "api",
      details: { port: { address: "127.0.0.1", number: 8087, protocol: "tcp" } },
      holder: { type: "other-engine", pid: expect.any(Number), name: "docker-proxy" },
    });
    expect(failure.evidence).toContain("address already in use");
    expect(await watch.changes(), `of ${holder.name}`).toEqual([]);
  });

  test("a process of the host has the port", async () => {
    await using one = await scene("8082:80");
    await using holder = await listenIn(engine, { address: "127.0.0.1", port: 8082 });
    const { failure } = await one.failedUp();
    expect(failure).toMatchObject({
      code: "port-in-use",
      subject: "api",
      details: { port: { address: "127.0.0.1", number: 8082, protocol: "tcp" } },
      holder: { type: "process", pid: holder.pid, name: "node" },
    });
    expect(failure.evidence).toContain("address already in use");
    expect(holder.isAlive()).toBe(true);
  });

  test("a process has the port on every address", async () => {
    await using one = await scene("8083:80");
    await using holder = await listenIn(engine, { address: "0.0.0.0", port: 8083 });
    const { failure } = await one.failedUp();
    expect(failure).toMatchObject({
      code: "port-in-use",
      holder: { type: "process", pid: holder.pid, address: "0.0.0.0" },
    });
  });

  test("a process has the port on IPv6 only", async () => {
    await using one = await scene("[::1]:8084:80");
    await using holder = await listenIn(engine, { address: "::1", port: 8084 });
    const { failure } = await one.failedUp();
    expect(failure).toMatchObject({
      code: "port-in-use",
      details: { port: { address: "::1", number: 8084 } },
      holder: { type: "process", pid: holder.pid, address: "::1" },
    });
  });

  test("a process has the port on IPv6 only, and the stack wants it on IPv4: no failure", async () => {
    await using one = await scene("127.0.0.1:8085:80");
    await using holder = await listenIn(engine, { address: "::1", port: 8085 });
    const { stdout } = await one.project.ok(["up", "-d", "--json"]);
    expect(stdout).not.toContain("failure_detected");
    expect(holder.isAlive()).toBe(true);
    await bringDown(one.project);
  });

  test("the host address does not exist: no port conflict", async () => {
    await using one = await scene("10.99.99.99:8086:80");
    const { failure } = await one.failedUp();
    expect(failure).toMatchObject({
      code: "host-address-missing",
      details: { port: { address: "10.99.99.99", number: 8086 } },
    });
    expect(failure.evidence).toContain("cannot assign requested address");
    expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
  });

  test("the port is privileged: no port conflict", async () => {
    await using poor = await startDocker({
      version,
      args: ownAddresses(13),
      under: ["setpriv", "--bounding-set=-net_bind_service", "--"],
    });
    await poor.loadImages("base");
    await using one = await openScene({
      socket: poor.socket,
      under: poor.nsenterArgv([]),
      resources: `  api: ${web(0, `ports: ["80:80"], cap_drop: [ALL]`)}`,
    });
    const { failure } = await one.failedUp();
    expect(failure).toMatchObject({ code: "port-privileged", details: { port: { number: 80 } } });
  });
});
