import { afterAll, beforeAll, expect, test } from "vitest";
import { type Engine, startDocker } from "../bed/engine.ts";
import { askEngine, callEngine } from "../bed/engine-api.ts";
import { bringDown, openProject, type Project, web } from "../support/cli.ts";
import { watchEngine } from "../support/engine-watch.ts";
import { makeStranger, openScene, type Scene } from "../support/failed-up.ts";

let engine: Engine;

beforeAll(async () => {
  // Room for a handful of networks.
  engine = await startDocker({
    args: ["--bip=10.115.0.1/24", "--default-address-pool=base=10.115.4.0/22,size=24"],
  });
  await engine.loadImages("base");
});
afterAll(async () => {
  await engine.stop();
});

function scene(): Promise<Scene> {
  return openScene({ socket: engine.socket, resources: `  api: ${web()}` });
}

/** The labels of this project's container "api", as a container of it has them that no manifest knows any more. */
async function ownLabels(project: Project): Promise<Record<string, string>> {
  await project.ok(["up", "-d"]);
  const { labels } = await project.container("api");
  await project.ok(["down"]);
  return { ...labels, "lash.resource": "former" };
}

async function makeNetwork(name: string, labels: Record<string, string> = {}): Promise<AsyncDisposable> {
  const { Id: id } = await askEngine<{ Id: string }>(engine.socket, "/networks/create", {
    method: "POST",
    body: { Name: name, Labels: labels, CheckDuplicate: true },
  });
  return {
    async [Symbol.asyncDispose]() {
      await callEngine(engine.socket, `/networks/${id}`, { method: "DELETE" });
    },
  };
}

/** Makes networks until the engine has no addresses left. */
async function takeAllNetworks(
  prefix: string,
  labels: Record<string, string> = {},
): Promise<AsyncDisposable> {
  const made = new AsyncDisposableStack();
  for (let number = 0; number < 10; number += 1) {
    try {
      made.use(await makeNetwork(`${prefix}-${number}`, labels));
    } catch (error) {
      if (/address pool/.test(String(error))) return made;
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }
  await made[Symbol.asyncDispose]();
  throw new Error("the engine has more addresses than it should");
}

test("what these tests go by: a change of anything foreign is seen, one of ours is not", async () => {
  await using project = await openProject({ socket: engine.socket });
  await using other = await makeStranger(engine.socket, { name: "other" });
  await using network = await makeNetwork("theirs");
  const watch = await watchEngine(engine.socket, { project: project.name });
  const labels = { "lash.project": project.name };
  await (await makeStranger(engine.socket, { name: "mine", labels }))[Symbol.asyncDispose]();
  expect(await watch.changes()).toEqual([]);
  await askEngine(engine.socket, `/containers/${other.id}/restart?t=0`, { method: "POST" });
  await network[Symbol.asyncDispose]();
  await askEngine(engine.socket, "/images/busybox:1", { method: "DELETE" });
  await using _new = await makeStranger(engine.socket, { name: "new", started: false });
  expect(await watch.changes()).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^container other was .* is /),
      "network theirs is gone",
      expect.stringMatching(/^image busybox:1 .* is gone$/),
      "container new is new",
      "container other: restart",
      "network theirs: destroy",
    ]),
  );
});

test("our container's name is a stranger's", async () => {
  await using one = await scene();
  await using other = await makeStranger(engine.socket, { name: `${one.project.name}.api` });
  await one.watchAgain();
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "name-in-use", subject: "api", details: { name: other.name } });
  expect(failure.evidence).toContain(`"/${other.name}" is already in use`);
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 0 });
});

test("our container's name is a stopped stranger's", async () => {
  await using one = await scene();
  await using other = await makeStranger(engine.socket, { name: `${one.project.name}.api`, started: false });
  await one.watchAgain();
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "name-in-use", subject: "api", details: { name: other.name } });
  expect(failure.evidence).toContain(`"/${other.name}" is already in use`);
  expect(one.attempts()).toMatchObject({ creates: 1, starts: 0 });
});

test("our container's name is held by one of ours that runs", async () => {
  await using one = await scene();
  const name = `${one.project.name}.api`;
  await using _own = await makeStranger(engine.socket, { name, labels: await ownLabels(one.project) });
  const { failure, report } = await one.failedUp({ left: [name, `lash-${one.project.name}`] });
  expect(report?.because).toContain("it runs");
  expect(failure).toMatchObject({ code: "name-in-use", subject: "api", details: { name } });
});

test("our container's name is held by one of ours that does not run", async () => {
  await using one = await scene();
  const name = `${one.project.name}.api`;
  await using _own = await makeStranger(engine.socket, {
    name,
    labels: await ownLabels(one.project),
    ended: true,
  });
  await one.watchAgain();
  const { report } = await one.recoveredUp();
  expect(report).toMatchObject({
    operation: `start of "api"`,
    detected: { code: "name-in-use", subject: "api", details: { name } },
    repair: { name: "replace-own-container", what: expect.stringContaining(`"${name}"`) },
  });
  expect(one.attempts()).toMatchObject({ creates: 2, starts: 1 });
  expect(await one.project.container("api")).toMatchObject({ name, state: "running" });
  await bringDown(one.project);
});

test("a stopped container with our name and our project's label, but of another manifest, is not ours", async () => {
  await using one = await scene();
  const name = `${one.project.name}.api`;
  const labels = { ...(await ownLabels(one.project)), "lash.manifest": "/elsewhere/lash.yml" };
  await using other = await makeStranger(engine.socket, { name, labels, started: false });
  const { code, stdout } = await one.project.lash(["up", "-d", "--json"]);
  expect(code).toBe(1);
  expect(stdout).toContain(`"stack-elsewhere"`);
  expect(await one.project.containers()).toMatchObject([{ id: other.id, state: "created" }]);
});

test("our network's name is a stranger's", async () => {
  await using one = await scene();
  const name = `lash-${one.project.name}`;
  await using _network = await makeNetwork(name, { someone: "else" });
  await one.watchAgain();
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "name-in-use", details: { name } });
});

test("others have every network", async () => {
  await using one = await scene();
  await using _all = await takeAllNetworks(`other-${one.project.name}`);
  await one.watchAgain();
  const { failure, report } = await one.failedUp();
  expect(failure).toMatchObject({ code: "network-pool-exhausted" });
  expect(report?.because).toBe("none of the networks is an idle one that Lash made");
});

test("stacks that are gone have every network", async () => {
  await using one = await scene();
  const { "lash.machine": machine = "" } = await ownLabels(one.project);
  const former = `f${one.project.name}`;
  await using _all = await takeAllNetworks(`lash-${former}`, {
    "lash.project": former,
    "lash.machine": machine,
    "lash.user": String(process.getuid?.() ?? ""),
  });
  await one.watchAgain();
  const { report } = await one.recoveredUp({
    changes: new RegExp(`^network lash-${former}-\\d(?: is gone|: destroy)$`),
  });
  expect(report).toMatchObject({
    detected: { code: "network-pool-exhausted" },
    repair: { name: "remove-own-networks", what: expect.stringContaining(`lash-${former}-0`) },
  });
  await bringDown(one.project);
});

test("a container of ours that was made a moment ago may be about to start", async () => {
  await using one = await scene();
  const name = `${one.project.name}.api`;
  await using _own = await makeStranger(engine.socket, {
    name,
    labels: await ownLabels(one.project),
    started: false,
  });
  await one.watchAgain();
  const { failure, report } = await one.failedUp({ left: [name, `lash-${one.project.name}`] });
  expect(failure).toMatchObject({ code: "name-in-use" });
  expect(report?.because).toContain("was just made");
  await bringDown(one.project);
});

test("networks that Lash made elsewhere, or that a stopped stack needs, are not ours to remove", async () => {
  await using one = await scene();
  const { "lash.machine": machine = "" } = await ownLabels(one.project);
  const stopped = `s${one.project.name}`;
  const labels = {
    "lash.project": stopped,
    "lash.machine": machine,
    "lash.user": String(process.getuid?.() ?? ""),
  };
  await using _container = await makeStranger(engine.socket, {
    name: `${stopped}.api`,
    labels,
    started: false,
  });
  await using _its = await makeNetwork(`lash-${stopped}`, labels);
  await using _all = await takeAllNetworks(`lash-e${one.project.name}`, {
    "lash.project": `e${one.project.name}`,
    "lash.machine": "another machine",
  });
  await one.watchAgain();
  const { failure, report } = await one.failedUp();
  expect(failure).toMatchObject({ code: "network-pool-exhausted" });
  expect(report?.because).toBe("none of the networks is an idle one that Lash made");
});
