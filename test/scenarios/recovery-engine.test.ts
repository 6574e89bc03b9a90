import { chmod, chown } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { type Engine, startDocker } from "../bed/engine.ts";
import { askEngine } from "../bed/engine-api.ts";
import { startSocketProxy } from "../bed/socket-proxy.ts";
import { bringDown, openProject, ownAddresses, web } from "../support/cli.ts";
import { openScene, readFailed, type Scene } from "../support/failed-up.ts";

/** With another bundle at hand, so that whatever looked like a port conflict would be repaired. */
const published = `ports: { default: { api: 8201 }, alternate: { api: 8205 } }
resources:
  api: ${web(0, `ports: ["\${ports.api}:80"], ready: { tcp: 80 }`)}`;

async function startBase(number: number, version: "20.10" | "28" = "20.10"): Promise<Engine> {
  const engine = await startDocker({ version, args: ownAddresses(number) });
  await engine.loadImages("base");
  return engine;
}

/** Lash in the engine's network, where its ports are. */
function openBeside(engine: Engine): Promise<Scene> {
  return openScene({ socket: engine.socket, resources: published, under: engine.nsenterArgv([]) });
}

/** `lash up -d --json` against a socket where no engine answers as it should. */
async function refusedUp(socket: string) {
  await using project = await openProject({ socket, resources: `  api: ${web()}` });
  const { code, stdout, ms } = await project.lash(["up", "-d", "--json"]);
  return { ...readFailed(code, stdout), ms };
}

describe.each(["20.10", "28"] as const)("an engine %s whose network is broken", (version) => {
  test("the bridge of our network is gone", async () => {
    await using engine = await startBase(18, version);
    await using scene = await openBeside(engine);
    const { project } = scene;
    await project.ok(["up", "-d"]);
    await project.ok(["stop"]);
    const name = `lash-${project.name}`;
    const { Id: id } = await askEngine<{ Id: string }>(engine.socket, `/networks/${name}`);
    await engine.nsenter(["ip", "link", "del", `br-${id.slice(0, 12)}`]);
    const { failure } = await scene.failedUp({ left: [`${project.name}.api`, name] });
    expect(failure).toMatchObject({ code: "engine-network-broken", subject: "api" });
    expect(failure.evidence).toMatch(/adding interface \w+ to bridge br-\w+ failed/);
    expect(scene.attempts()).toMatchObject({ starts: 1 });
  });

  test.each(["nat", "filter"])("its chains in the %s table are flushed: no port conflict", async (table) => {
    await using engine = await startBase(19, version);
    await using scene = await openBeside(engine);
    const { project } = scene;
    await project.ok(["up", "-d"]);
    await project.ok(["stop"]);
    const left = [`${project.name}.api`, `lash-${project.name}`];
    await engine.nsenter(["iptables", "-t", table, "-F"]);
    await engine.nsenter(["iptables", "-t", table, "-X"]);
    const { failure, report } = await scene.failedUp({ left });
    expect(failure).toMatchObject({ code: "engine-network-broken", subject: "api" });
    expect(failure.evidence).toContain("iptables");
    expect(report?.because).toBe("there is no safe repair for it");
    expect(scene.attempts()).toMatchObject({ starts: 1 });

    // And the network itself cannot be made either.
    await project.ok(["down"]);
    const again = await scene.failedUp();
    expect(again.failure).toMatchObject({ code: "engine-network-broken" });
  });
});

describe("an engine that does not answer", () => {
  test("it was stopped: its socket is gone", async () => {
    await using engine = await startDocker({ args: ownAddresses(20) });
    await engine.kill("SIGTERM");
    const { code, error } = await refusedUp(engine.socket);
    expect(code).toBe(3);
    expect(error.code).toBe("engine-unreachable");
    expect(error.message).toContain(engine.socket);
  });

  test("it was killed: its socket stays and refuses", async () => {
    await using engine = await startDocker({ args: ownAddresses(20) });
    await engine.kill("SIGKILL");
    const { code, error } = await refusedUp(engine.socket);
    expect(code).toBe(3);
    expect(error).toMatchObject({ code: "engine-unreachable" });
    expect(error.message).toContain("refused");
  });

  test("we may not use its socket", async () => {
    await using engine = await startDocker({ args: ownAddresses(20) });
    // The way to it is open to everybody, so that its own permissions are what refuses.
    await chmod(dirname(engine.folder), 0o711);
    await chmod(engine.folder, 0o711);
    await chmod(engine.socket, 0o660);
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    await using project = await openProject({
      socket: engine.socket,
      resources: `  api: ${web()}`,
      under: nobody,
    });
    for (const path of [project.folder, `${project.folder}/.run`, `${project.folder}/lash.yml`]) {
      await chown(path, 65534, 65534);
    }
    const { code, stdout } = await project.lash(["up", "-d", "--json"]);
    const { error } = readFailed(code, stdout);
    expect(code).toBe(3);
    expect(error).toMatchObject({ code: "engine-permission" });
    expect(error.message).toContain(engine.socket);
    expect(error.hint).not.toContain("sudo");
  });

  test("it accepts and never answers: there is an end", async () => {
    await using engine = await startDocker({ args: ownAddresses(21) });
    await using project = await openProject({ socket: engine.socket, resources: `  api: ${web()}` });
    await engine.kill("SIGSTOP");
    const { code, stdout, ms } = await project.lash(["up", "-d", "--json"]);
    await engine.kill("SIGCONT");
    const { error } = readFailed(code, stdout);
    expect(code).toBe(3);
    expect(error.code).toBe("engine-unreachable");
    expect(error.message).toContain("did not answer within");
    expect(ms).toBeLessThan(40_000);
  });

  test("it goes away in the middle of a start: what is left is said, and a later down removes it", async () => {
    await using engine = await startBase(20);
    await using proxy = await startSocketProxy({ target: engine.socket });
    await using project = await openProject({ socket: proxy.socket, resources: `  api: ${web(60)}` });
    const starts = { method: "POST", path: /^\/containers\/[^/]+\/start/ };
    proxy.fault({ when: starts, do: { action: "delay", delayMs: 10_000 } });
    const up = project.start(["up", "-d", "--json"]);
    await proxy.waitForCall(starts);
    await proxy.cutAll();
    const { code, stdout } = await up.ended;
    const { failure, report, lines } = readFailed(code, stdout);
    expect(code).toBe(1);
    expect(failure).toMatchObject({ code: "engine-unreachable", subject: "api" });
    expect(report?.because).toBe("there is no safe repair for it");
    expect(lines.find(({ type }) => type === "notice")?.["message"]).toContain("left behind");
    expect(proxy.count(starts)).toBe(1);
    await proxy.restore();
    expect(await project.left()).toEqual([`${project.name}.api`, `lash-${project.name}`]);
    await bringDown(project);
  });
});

describe("an engine of another time", () => {
  test("its newest API is older than ours can be", async () => {
    await using engine = await startBase(20);
    await using proxy = await startSocketProxy({ target: engine.socket });
    proxy.fault({
      when: { path: "/_ping" },
      times: 100,
      do: {
        action: "answer",
        status: 200,
        headers: { "Api-Version": "1.24", Server: "Docker/1.12.6 (linux)" },
      },
    });
    const { code, error } = await refusedUp(proxy.socket);
    expect(error).toMatchObject({ code: "engine-api-version" });
    expect(error.message).toContain("1.24");
    expect(code).toBe(3);
    expect(proxy.count({ method: "POST" })).toBe(0);
  });

  // The texts are moby's: api/server/middleware/version.go.
  test.each([
    [
      "its newest API is older than ours, and it says so late",
      "1.41",
      "client version 1.41 is too new. Maximum supported API version is 1.30",
    ],
    [
      "its oldest API is newer than ours",
      "1.99",
      "client version 1.47 is too old. Minimum supported API version is 1.90, please upgrade your client to a newer version",
    ],
  ])("%s", async (_name, version, message) => {
    await using engine = await startDocker({ args: ownAddresses(20) });
    await using proxy = await startSocketProxy({ target: engine.socket });
    const ping = { action: "answer", status: 200, headers: { "Api-Version": version } } as const;
    proxy.fault({ when: { path: "/_ping" }, times: 100, do: ping });
    const refuse = { action: "answer", status: 400, body: { message } } as const;
    proxy.fault({ when: ({ path }) => path !== "/_ping", times: 100, do: refuse });
    const { code, error } = await refusedUp(proxy.socket);
    expect(error).toMatchObject({ code: "engine-api-version" });
    expect(error.message).toContain(message);
    expect(code).toBe(3);
    // One more call with the version it asks for is right; going on with it is not.
    expect(proxy.count(({ path }) => path !== "/_ping")).toBeLessThan(20);
  });
});
