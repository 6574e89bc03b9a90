import { afterAll, beforeAll, expect, test } from "vitest";
import { callEngine } from "../bed/engine-api.ts";
import { type Engine, startDocker } from "../bed/engine.ts";
import { type Registry, startRegistry } from "../bed/registry.ts";
import { ownAddresses } from "../support/cli.ts";
import { openScene, type Scene } from "../support/failed-up.ts";
import { openRegistryDoor } from "../support/registry-door.ts";

// One attempt per layer: five, with growing pauses between them, are the engine's own affair and a minute.
const engineArgs = ["--max-download-attempts=1", ...ownAddresses(14)];

let engine: Engine;
let registry: Registry;
let door: AsyncDisposable;
let shared: string;

beforeAll(async () => {
  engine = await startDocker({ version: process.env.LASH_TEST_ENGINE === "28" ? "28" : "20.10", args: engineArgs });
  registry = await startRegistry();
  door = await openRegistryDoor(engine, registry);
  await engine.loadImages("base");
  shared = await registry.push(engine.socket, "lash-base:1", "team/base:7");
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await registry.stop();
  await engine.stop();
});

function scene(image: string, more = ""): Promise<Scene> {
  return openScene({
    socket: engine.socket,
    resources: `  api: { container: { image: "${image}", command: [open-port, "80"], ready: { tcp: 80 }${more} } }`,
  });
}

test("an image with no registry to get it from: its name does not resolve", async () => {
  await using one = await scene("registry.example/team/none:1");
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "registry-unreachable",
    subject: "api",
    details: { image: "registry.example/team/none:1" },
  });
  expect(failure.details?.["passing"] ?? false).toBe(false);
  expect(one.attempts()).toMatchObject({ pulls: 1, creates: 0 });
});

test("an image that is not there and may not be pulled", async () => {
  await using one = await scene("nowhere:1", ", pull: never");
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "image-not-found", subject: "api", details: { image: "nowhere:1" } });
  expect(failure.evidence).toContain("No such image: nowhere:1");
});

test("a manifest that the registry does not know: no other tag is taken", async () => {
  await using one = await scene(`${registry.address}/team/base:8`);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "image-not-found",
    subject: "api",
    details: { image: `${registry.address}/team/base:8` },
  });
  expect(failure.evidence).toContain("manifest unknown");
  expect(one.attempts()).toMatchObject({ pulls: 1, creates: 0 });
});

test("a registry that asks who we are", async () => {
  await using locked = await startRegistry({ auth: true });
  await using _door = await openRegistryDoor(engine, locked);
  await using one = await scene(`${locked.address}/team/base:7`);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "image-denied",
    subject: "api",
    details: { image: `${locked.address}/team/base:7` },
  });
  expect(failure.evidence).toContain("no basic auth credentials");
  expect(one.attempts()).toMatchObject({ pulls: 1, creates: 0 });
});

test("a registry that refuses our credentials", async () => {
  await using locked = await startRegistry({ auth: true });
  await using _door = await openRegistryDoor(engine, locked);
  await using one = await scene(`${locked.address}/team/base:7`);
  const auth = Buffer.from("lash:wrong-password").toString("base64");
  await one.project.write(".docker/config.json", JSON.stringify({ auths: { [locked.address]: { auth } } }));
  const { failure, lines } = await one.failedUp();
  expect(failure).toMatchObject({ code: "image-denied", subject: "api" });
  expect(JSON.stringify(lines)).not.toContain("wrong-password");
});

test("a registry that is down, and no local copy", async () => {
  await using one = await scene("127.0.0.1:4/team/base:7");
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "registry-unreachable",
    subject: "api",
    details: { image: "127.0.0.1:4/team/base:7" },
  });
  expect(failure.evidence).toContain("connection refused");
});

test("a registry that fails inside", async () => {
  await registry.faults.set({ mode: "server-error" });
  await using one = await scene(shared);
  const { failure } = await one.failedUp();
  await registry.faults.set({ mode: "pass" });
  expect(failure).toMatchObject({ code: "registry-unreachable", subject: "api", details: { image: shared } });
});

test("a registry that is down, and a local copy", async () => {
  await callEngine(engine.socket, "/images/lash-base:1/tag?repo=127.0.0.1:4/team/base&tag=7", { method: "POST" });
  await using one = await scene("127.0.0.1:4/team/base:7", ", pull: always");
  await one.failedUp();
});

test("the connection is cut in the middle of a layer", async () => {
  await registry.faults.set({ mode: "cut-blob", afterBytes: 65_536 });
  await callEngine(engine.socket, "/images/lash-base:1", { method: "DELETE" });
  await callEngine(engine.socket, "/images/busybox:1", { method: "DELETE" });
  await callEngine(engine.socket, "/images/alpine:3", { method: "DELETE" });
  await callEngine(engine.socket, "/images/127.0.0.1:4/team/base:7", { method: "DELETE" });
  await using one = await scene(shared);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({
    code: "registry-unreachable",
    subject: "api",
    details: { image: shared, passing: true },
  });
  await registry.faults.set({ mode: "pass" });
});

test("rate limited, asked to come back soon", async () => {
  await registry.faults.set({
    mode: "too-many-requests",
    retryAfterSeconds: 1,
    message: "retry-after: 1.2s, allowed: 44000/minute",
  });
  await using one = await scene(shared);
  const { failure } = await one.failedUp();
  await registry.faults.set({ mode: "pass" });
  expect(failure).toMatchObject({ code: "image-rate-limited", details: { image: shared, retryAfterMs: 1200 } });
});

test("rate limited, with no word of when", async () => {
  await registry.faults.set({ mode: "too-many-requests" });
  await using one = await scene(shared);
  const { failure } = await one.failedUp();
  await registry.faults.set({ mode: "pass" });
  expect(failure).toMatchObject({ code: "image-rate-limited", details: { image: shared } });
  expect(failure.details).not.toHaveProperty("retryAfterMs");
});
