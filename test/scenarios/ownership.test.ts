import { expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { askEngine, callEngine } from "../bed/engine-api.ts";
import { bringDown, openProject, web } from "../support/cli.ts";

/** A container that is not Lash's. */
async function stranger(name: string): Promise<AsyncDisposable & { readonly id: string }> {
  const { socket } = useBed();
  const { Id: id } = await askEngine<{ Id: string }>(socket, `/containers/create?name=${name}`, {
    method: "POST",
    body: { Image: "lash-base:1", Cmd: ["open-port", "80"], Labels: { someone: "else" } },
  });
  await askEngine(socket, `/containers/${id}/start`, { method: "POST" });
  return {
    id,
    async [Symbol.asyncDispose]() {
      await callEngine(socket, `/containers/${id}?force=1`, { method: "DELETE" });
    },
  };
}

test("a stranger's container with our name is named, never removed, by up and by down", async () => {
  await using project = await openProject({ resources: `  db: ${web()}\n  api: ${web()}` });
  await using other = await stranger(`${project.name}.api`);
  const result = await project.ok(["up"], { code: 1 });
  expect(result.stderr).toContain("name-in-use");
  expect(result.stderr).toContain(`${project.name}.api`);
  expect(await project.left()).toEqual([]);
  await project.ok(["down", "--volumes"]);
  const { State: state } = await askEngine<{ State: { Running: boolean } }>(
    project.socket,
    `/containers/${other.id}/json`,
  );
  expect(state.Running).toBe(true);
});

test("a stranger's network with our name stays, and so does a stranger in our network", async () => {
  await using project = await openProject({ resources: `  api: ${web()}` });
  await using other = await stranger(`x-${project.name}`);
  await project.ok(["up", "-d"]);
  await askEngine(project.socket, `/networks/lash-${project.name}/connect`, {
    method: "POST",
    body: { Container: other.id },
  });
  const result = await project.lash(["down"]);
  expect(result.code).toBe(1);
  expect(result.stderr).toContain(`lash-${project.name}`);
  expect(await project.left()).toEqual([`lash-${project.name}`]);
  await askEngine(project.socket, `/networks/lash-${project.name}/disconnect`, {
    method: "POST",
    body: { Container: other.id, Force: true },
  });
  await bringDown(project);
});

test("names are injective: a_b with c and a with b_c live side by side, and each down takes its own", async () => {
  await using short = await openProject({ resources: `  b_c: ${web()}` });
  await using long = await openProject({ name: `${short.name}_b`, resources: `  c: ${web()}` });
  await Promise.all([short.ok(["up", "-d"]), long.ok(["up", "-d"])]);
  const names = [...(await short.containers()), ...(await long.containers())].map(({ name }) => name);
  expect(names).toEqual([`${short.name}.b_c`, `${short.name}_b.c`]);
  await bringDown(short);
  expect((await long.containers()).map(({ state }) => state)).toEqual(["running"]);
  await bringDown(long);
});

test("the project's network is made once and removed once, however often", async () => {
  await using project = await openProject({ resources: `  api: ${web()}` });
  await project.ok(["up", "-d"]);
  await project.ok(["up", "-d"]);
  expect(await project.networks()).toEqual([`lash-${project.name}`]);
  await bringDown(project);
  const again = await project.ok(["down"]);
  expect(again.stderr).toContain("nothing was there to remove");
});
