import { afterAll, beforeAll, expect, test } from "vitest";
import { type Engine, startDocker } from "../bed/engine.ts";
import { bringDown, ownAddresses, type Project } from "../support/cli.ts";
import { makeStranger, openScene, type Scene, toldWhen } from "../support/failed-up.ts";
import { listenIn } from "../support/listener.ts";

let engine: Engine;

beforeAll(async () => {
  engine = await startDocker({ version: "28", args: ownAddresses(22) });
  await engine.loadImages("base");
});
afterAll(async () => {
  await engine.stop();
});

const bundles = `ports:
  default: { web: 8101, api: 8102 }
  alternate: { web: 8105, api: 8106 }`;

/** "web" is told where "api" is, as a page in a browser would be. */
function scene(more = bundles): Promise<Scene> {
  return openScene({
    socket: engine.socket,
    under: engine.nsenterArgv([]),
    resources: `
${more}
resources:
  api: { container: { image: "lash-base:1", command: [open-port, "80"], ports: ["\${ports.api}:80"] } }
  web:
    container:
      image: "lash-base:1"
      command: [open-port, "80"]
      ports: ["\${ports.web}:80"]
      env: { API_URL: "http://127.0.0.1:\${ports.api}" }
      depends_on: [api]`,
  });
}

/** Host ports by resource, and where "web" looks for "api". */
async function portsOf(project: Project) {
  const [api, web] = await Promise.all([project.inspect("api"), project.inspect("web")]);
  const port = (one: typeof api): number => Number(one.NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort);
  return {
    api: port(api),
    web: port(web),
    url: web.Config.Env.find((line) => line.startsWith("API_URL="))?.slice("API_URL=".length),
  };
}

test("a container has a port of the first bundle: the whole stack moves to the second and stays there", async () => {
  await using one = await scene();
  await using _holder = await makeStranger(engine.socket, { name: "holder", port: 8102 });
  await one.watchAgain();
  const { report, lines } = await one.recoveredUp();
  expect(report).toMatchObject({
    detected: {
      code: "port-in-use",
      subject: "api",
      details: { port: { number: 8102 } },
      holder: { container: "holder" },
    },
    repair: { name: "use-port-bundle", what: expect.stringMatching(/"alternate".*web 8105.*api 8106/) },
  });
  expect(lines.at(-2)).toMatchObject({ type: "stack_started", ready: 2 });
  const moved = { api: 8106, web: 8105, url: "http://127.0.0.1:8106" };
  expect(await portsOf(one.project)).toEqual(moved);

  // Later commands stay there, also when the first bundle is free again.
  await _holder[Symbol.asyncDispose]();
  const before = await one.project.containers();
  const again = await one.project.ok(["up", "-d", "--json"]);
  expect(again.stdout).not.toContain("failure_detected");
  await one.project.ok(["restart", "api"]);
  expect(await portsOf(one.project)).toEqual(moved);
  expect((await one.project.containers()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  const { stdout } = await one.project.ok(["ps", "--json"]);
  expect(stdout).toContain("8106");
  expect(stdout).not.toContain("8102");
  await bringDown(one.project);
});

test("the stack is on its last bundle: no third one is looked for", async () => {
  await using one = await scene();
  {
    await using _first = await makeStranger(engine.socket, { name: "first", port: 8101 });
    await one.watchAgain();
    await one.recoveredUp();
  }
  await one.project.ok(["stop"]);
  await using _second = await makeStranger(engine.socket, { name: "second", port: 8105 });
  await one.watchAgain();
  const { name } = one.project;
  const { failure, report } = await one.failedUp({ left: [`${name}.api`, `${name}.web`, `lash-${name}`] });
  expect(failure).toMatchObject({
    code: "port-in-use",
    details: { port: { number: 8105 } },
    holder: { container: "second" },
  });
  expect(report?.because).toContain(`"alternate" is the last one`);
  await bringDown(one.project);
});

test("strangers have ports of both bundles: neither is touched, nothing moves", async () => {
  await using one = await scene();
  await using _first = await makeStranger(engine.socket, { name: "first", port: 8102 });
  await using _second = await makeStranger(engine.socket, { name: "second", port: 8105 });
  await one.watchAgain();
  const { failure, report } = await one.failedUp();
  expect(failure).toMatchObject({ code: "port-in-use", holder: { type: "container", container: "first" } });
  expect(report?.because).toMatch(/"alternate" cannot be used: web 8105 is published by container "second"/);
});

test("a process has a port of the second bundle on IPv6 only: that bundle is not free", async () => {
  await using one = await scene();
  await using _first = await makeStranger(engine.socket, { name: "first", port: 8102 });
  await using process = await listenIn(engine, { address: "::1", port: 8106 });
  await one.watchAgain();
  const { report } = await one.failedUp();
  expect(report?.because).toMatch(/"alternate" cannot be used: api 8106 is held by process "node"/);
  expect(process.isAlive()).toBe(true);
});

test.each([
  ["there is one bundle", "ports: { default: { web: 8101, api: 8102 } }", "no other port bundle"],
  ["the manifest forbids it", `${bundles}\nrecovery: { ports: never }`, "recovery.ports: never"],
])("%s: the port is told, and nothing moves", async (_name, more, because) => {
  await using one = await scene(more);
  await using _holder = await makeStranger(engine.socket, { name: "holder", port: 8102 });
  await one.watchAgain();
  const { failure, report } = await one.failedUp();
  expect(failure).toMatchObject({ code: "port-in-use", details: { port: { number: 8102 } } });
  expect(report?.because).toContain(because);
});

test("the manifest asks for any free port: one is taken, and kept", async () => {
  await using one = await scene(
    "ports: { default: { web: 8101, api: 8102 } }\nrecovery: { ports: any-free }",
  );
  await using holder = await listenIn(engine, { address: "127.0.0.1", port: 8102 });
  const { report } = await one.recoveredUp();
  expect(report).toMatchObject({
    detected: { code: "port-in-use", holder: { type: "process", pid: holder.pid } },
    repair: { name: "use-free-port" },
  });
  const moved = await portsOf(one.project);
  expect(moved.api).toBeGreaterThan(1023);
  expect(moved).toEqual({ api: moved.api, web: 8101, url: `http://127.0.0.1:${moved.api}` });
  expect(moved.api).not.toBe(8102);
  await one.project.ok(["up", "-d"]);
  expect(await portsOf(one.project)).toEqual(moved);
  await bringDown(one.project);
});

test("the retry fails in another way: that is the end, and both failures are told", async () => {
  await using one = await openScene({
    socket: engine.socket,
    under: engine.nsenterArgv([]),
    resources: `
${bundles}
resources:
  api: { container: { image: "lash-base:1", command: [open-port, "80"], ports: ["\${ports.api}:80"] } }
  web: { container: { image: "lash-base:1", command: [no-such-program], depends_on: [api] } }`,
  });
  await using _holder = await makeStranger(engine.socket, { name: "holder", port: 8102 });
  await one.watchAgain();
  // The start of "web" is an operation of its own, within the retry of the whole.
  const [detected, ended] = toldWhen.refused;
  const told = ["failure_detected", "repair_started", "repair_applied", detected, ended, "recovery_ended"];
  const { failure, report } = await one.failedUp({ told });
  expect(failure).toMatchObject({
    code: "bad-entrypoint",
    subject: "web",
    cause: { code: "port-in-use", subject: "api" },
  });
  expect(report).toMatchObject({
    detected: { code: "port-in-use" },
    repair: { name: "use-port-bundle", outcome: "done" },
    retry: { outcome: "failed" },
    outcome: "gave-up",
    failure: { code: "bad-entrypoint" },
  });
});

test("what runs would stay behind: a part of the stack is not moved alone", async () => {
  await using one = await scene();
  await one.project.ok(["up", "-d", "api"]);
  await using _holder = await makeStranger(engine.socket, { name: "holder", port: 8101 });
  await one.watchAgain();
  const { name } = one.project;
  const { failure, report } = await one.failedUp({
    more: ["--no-deps", "web"],
    left: [`${name}.api`, `lash-${name}`],
  });
  expect(failure).toMatchObject({ code: "port-in-use", subject: "web", details: { port: { number: 8101 } } });
  expect(report?.because).toContain(`"api" would stay on the former ports`);
  expect((await one.project.container("api")).state).toBe("running");
  await bringDown(one.project);
});

// What only looks like a port conflict is not repaired, though another bundle is at hand.
test.each([
  ["the address does not exist", `ports: ["10.99.99.99:\${ports.api}:80"]`, "host-address-missing"],
  [
    "a program's own words",
    `ports: ["\${ports.api}:80"], ready: { tcp: 80 }, entrypoint: [sh, -c, "echo 'Bind for 0.0.0.0:8102 failed: port is already allocated' >&2; exit 3"]`,
    "crashed",
  ],
])("no port conflict: %s", async (_name, fields, code) => {
  await using one = await openScene({
    socket: engine.socket,
    under: engine.nsenterArgv([]),
    resources: `
${bundles}
resources:
  api: { container: { image: "lash-base:1", command: [open-port, "80"], ${fields} } }`,
  });
  const { failure, report } = await one.failedUp();
  expect(failure).toMatchObject({ code, subject: "api" });
  expect(report?.repair).toBeUndefined();
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 1 });
});
