import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Engine, startPodman } from "../bed/engine.ts";
import { makeStranger, openScene, type Scene } from "../support/failed-up.ts";
import { listenIn } from "../support/listener.ts";

// Podman's words are not Docker's, so what an engine can say of itself is provoked here again.
let engine: Engine;

beforeAll(async () => {
  engine = await startPodman();
  await engine.loadImages("base");
});
afterAll(async () => {
  await engine.stop();
});

function scene(fields: string): Promise<Scene> {
  return openScene({
    socket: engine.socket,
    under: engine.nsenterArgv([]),
    resources: `  api: { container: { image: "lash-base:1", ${fields} } }`,
  });
}

test("a container of Podman has the port", async () => {
  await using one = await scene(`command: [open-port, "80"], ports: ["8081:80"]`);
  await using holder = await makeStranger(engine.socket, { name: "holder", port: 8081 });
  await one.watchAgain();
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "port-in-use",
    subject: "api",
    details: { port: { number: 8081 } },
    holder: { type: "container", container: holder.name, ours: false },
  });
});

test("a process of the host has the port", async () => {
  await using one = await scene(`command: [open-port, "80"], ports: ["8082:80"]`);
  await using holder = await listenIn(engine, { address: "127.0.0.1", port: 8082 });
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "port-in-use",
    subject: "api",
    details: { port: { address: "127.0.0.1", number: 8082 } },
    holder: { type: "process", pid: holder.pid },
  });
});

test("the host address does not exist: no port conflict", async () => {
  await using one = await scene(`command: [open-port, "80"], ports: ["10.99.99.99:8086:80"]`);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "host-address-missing", subject: "api" });
});

test("the source of a mount is not there", async () => {
  await using one = await scene(`command: [open-port, "80"], volumes: ["./none:/data"]`);
  const { failure } = await one.failedUp();
  const path = join(one.project.folder, "none");
  expect(failure).toMatchObject({ code: "mount-source-missing", subject: "api", details: { path } });
});

test("a folder is mounted onto a file", async () => {
  await using one = await scene(`command: [open-port, "80"], volumes: ["./folder:/usr/local/bin/now-ms"]`);
  await mkdir(join(one.project.folder, "folder"));
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "mount-type-mismatch", subject: "api" });
});

test("the command is not in the image", async () => {
  await using one = await scene(`command: [no-such-program, "80"]`);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "bad-entrypoint", subject: "api" });
});

test("our container's name is a stranger's", async () => {
  await using one = await scene(`command: [open-port, "80"]`);
  await using other = await makeStranger(engine.socket, { name: `${one.project.name}.api` });
  await one.watchAgain();
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "name-in-use", subject: "api", details: { name: other.name } });
});

test("an image that may not be pulled, and one whose registry is down", async () => {
  const image = (text: string): Promise<Scene> =>
    openScene({ socket: engine.socket, resources: `  api: { container: { image: "${text}" } }` });
  await using down = await image("127.0.0.1:4/team/base:7");
  const { failure } = await down.failedUp();
  expect(failure).toMatchObject({
    code: "registry-unreachable",
    details: { image: "127.0.0.1:4/team/base:7" },
  });
});
