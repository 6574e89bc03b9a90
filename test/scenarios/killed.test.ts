import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { bringDown, openProject, randomFrom } from "../support/cli.ts";

const resources = `
  db: { container: { image: "lash-base:1", command: [open-port, "80", "0.3"], ready: { tcp: 80 }, volumes: ["data:/data"] } }
  cache: { container: { image: "lash-base:1", command: [open-port, "80"], ready: { tcp: 80 } } }
  migrate: { task: { image: "lash-base:1", command: "sleep 0.1", depends_on: [db] } }
  api: { container: { image: "lash-base:1", command: [open-port, "80"], ready: { tcp: 80 }, depends_on: [migrate, cache] } }`;

describe("kill -9 of `lash up`, then up and down", () => {
  const random = randomFrom(4_711);
  const instants = Array.from({ length: 6 }, () => Math.round(100 + random() * 1500));

  test.each(instants)("after %i ms (seed 4711): exactly the wanted containers, then nothing", async (ms) => {
    await using project = await openProject({ resources });
    const killed = project.start(["up"]);
    await sleep(ms);
    killed.signal("SIGKILL");
    await killed.ended;

    await project.ok(["up", "-d"]);
    const containers = await project.containers();
    expect(containers.map(({ name, state }) => `${name} ${state}`)).toEqual([
      `${project.name}.api running`,
      `${project.name}.cache running`,
      `${project.name}.db running`,
      `${project.name}.migrate exited`,
    ]);
    expect(await project.networks()).toEqual([`lash-${project.name}`]);

    await bringDown(project);
    expect(await project.volumes()).toEqual([`${project.name}_data`]);
    await project.ok(["down", "--volumes"]);
    expect(await project.volumes()).toEqual([]);
  });
});

test("down reclaims what a killed `up` left, network and all, without a running `lash`", async () => {
  await using project = await openProject({ resources });
  const killed = project.start(["up", "--json"]);
  await killed.event("resource_started");
  killed.signal("SIGKILL");
  await killed.ended;
  await bringDown(project);
});

test("a killed background supervisor loses nothing: the next up adopts every container", async () => {
  await using project = await openProject({ resources });
  const first = await project.ok(["up", "-d", "--json"]);
  const last = JSON.parse(first.stdout.trim().split("\n").at(-1) ?? "") as { pid: number };
  process.kill(last.pid, "SIGKILL");
  const before = (await project.containers()).map(({ id }) => id);
  const second = await project.ok(["up", "-d", "--json"]);
  expect((await project.containers()).map(({ id }) => id)).toEqual(before);
  expect(second.stdout).toContain('"adopted":true');
  await bringDown(project, ["--volumes"]);
});
