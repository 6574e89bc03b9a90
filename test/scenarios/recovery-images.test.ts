import { afterAll, beforeAll, expect, test } from "vitest";
import { type Engine, startDocker } from "../bed/engine.ts";
import { askEngine, callEngine } from "../bed/engine-api.ts";
import type { RegistryFault } from "../bed/fault-proxy.ts";
import { waitFor } from "../bed/processes.ts";
import { type Registry, startRegistry } from "../bed/registry.ts";
import { bringDown, ownAddresses } from "../support/cli.ts";
import { openScene, type Scene, toldWhen } from "../support/failed-up.ts";
import { openRegistryDoor } from "../support/registry-door.ts";

// One attempt per layer: five, with growing pauses between them, are the engine's own affair and a minute.
const engineArgs = ["--max-download-attempts=1", ...ownAddresses(14)];

let engine: Engine;
let registry: Registry;
let door: AsyncDisposable;
let shared: string;

beforeAll(async () => {
  engine = await startDocker({ args: engineArgs });
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

/** The registry has this fault until the end of the block. */
async function faulty(fault: RegistryFault, options?: { readonly times: number }): Promise<AsyncDisposable> {
  await registry.faults.set(fault, options);
  return { [Symbol.asyncDispose]: () => registry.faults.set({ mode: "pass" }) };
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

test("a registry that fails inside: one more pull, and both failures are told", async () => {
  await using _fault = await faulty({ mode: "server-error" });
  await using one = await scene(shared);
  const { failure } = await one.failedUp({ told: toldWhen.repairedInVain });
  const trouble = { code: "registry-unreachable", subject: "api", details: { image: shared, passing: true } };
  expect(failure).toMatchObject({ ...trouble, cause: trouble });
  expect(failure.evidence).toContain("500 Internal Server Error");
  expect(one.attempts()).toMatchObject({ pulls: 2, creates: 0 });
});

test("a registry that is down, and a local copy: that one is taken, and said", async () => {
  const image = "127.0.0.1:4/team/local:7";
  await askEngine(engine.socket, "/images/lash-base:1/tag?repo=127.0.0.1:4/team/local&tag=7", {
    method: "POST",
  });
  await using one = await scene(image, ", pull: always");
  const { report } = await one.recoveredUp();
  expect(report).toMatchObject({
    operation: `pull of "${image}"`,
    detected: { code: "registry-unreachable", details: { image } },
    repair: { name: "use-local-image", what: expect.stringContaining(image) },
  });
  expect(one.attempts()).toMatchObject({ pulls: 1, creates: 1, starts: 1 });
  await bringDown(one.project);
});

test("a rate limit, and a local copy", async () => {
  const image = `${registry.address}/team/kept:7`;
  const repo = encodeURIComponent(`${registry.address}/team/kept`);
  await askEngine(engine.socket, `/images/lash-base:1/tag?repo=${repo}&tag=7`, { method: "POST" });
  await using _fault = await faulty({ mode: "too-many-requests" });
  await using one = await scene(image, ", pull: always");
  const { report } = await one.recoveredUp();
  expect(report).toMatchObject({
    detected: { code: "image-rate-limited" },
    repair: { name: "use-local-image", what: expect.stringContaining(image) },
  });
  expect(one.attempts()).toMatchObject({ pulls: 1 });
  await bringDown(one.project);
});

test("a rate limit with no word of when it ends: no second pull", async () => {
  await using _fault = await faulty({ mode: "too-many-requests" });
  await using one = await scene(shared);
  const { failure, report } = await one.failedUp();
  expect(failure).toMatchObject({ code: "image-rate-limited", details: { image: shared } });
  expect(failure.details).not.toHaveProperty("retryAfterMs");
  expect(report?.because).toContain("does not say when");
  expect(one.attempts()).toMatchObject({ pulls: 1 });
});

test("a rate limit that is to last: no second pull", async () => {
  await using _fault = await faulty({
    mode: "too-many-requests",
    message: "retry-after: 120s, allowed: 100/hour",
  });
  await using one = await scene(shared);
  const { failure } = await one.failedUp();
  expect(failure).toMatchObject({ code: "image-rate-limited", details: { retryAfterMs: 120_000 } });
  expect(one.attempts()).toMatchObject({ pulls: 1 });
});

test("a rate limit that is not over when it was said to be: one retry, and both failures are told", async () => {
  await using _fault = await faulty({
    mode: "too-many-requests",
    message: "retry-after: 300ms, allowed: 9/minute",
  });
  await using one = await scene(shared);
  const { failure, report } = await one.failedUp({ told: toldWhen.repairedInVain });
  expect(failure).toMatchObject({ code: "image-rate-limited", cause: { code: "image-rate-limited" } });
  expect(report).toMatchObject({
    repair: { name: "pull-again" },
    retry: { outcome: "failed" },
    outcome: "gave-up",
  });
  expect(one.attempts()).toMatchObject({ pulls: 2, creates: 0 });
});

test("a rate limit that asks to come back soon: it is kept to, and the second pull works", async () => {
  const image = await registry.push(engine.socket, "lash-base:1", "team/limited:7");
  await using _fault = await faulty(
    { mode: "too-many-requests", message: "retry-after: 1.2s, allowed: 44000/minute" },
    // The engine asks for a manifest with HEAD and then with GET.
    { times: 2 },
  );
  await using one = await scene(image);
  const { report } = await one.recoveredUp();
  expect(report).toMatchObject({
    detected: { code: "image-rate-limited", details: { retryAfterMs: 1200 } },
    repair: { name: "pull-again" },
  });
  const [first, second] = one.proxy.calls.filter(({ path }) => path.startsWith("/images/create"));
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1200);
  expect(one.attempts()).toMatchObject({ pulls: 2, creates: 1, starts: 1 });
  await bringDown(one.project);
});

// Last: from here on the engine has no layer of the image, for those are what is cut.
test("the connection is cut in the middle of a layer: one more pull, which works", async () => {
  const { text } = await callEngine(engine.socket, "/images/json");
  const tags = (JSON.parse(text) as { RepoTags: string[] | null }[]).flatMap(
    ({ RepoTags }) => RepoTags ?? [],
  );
  for (const tag of tags) await askEngine(engine.socket, `/images/${tag}?force=1`, { method: "DELETE" });
  await using one = await scene(shared);
  await using fault = await faulty({ mode: "cut-blob", afterBytes: 65_536 });
  const [{ report }] = await Promise.all([
    one.recoveredUp(),
    // Healed as soon as the first pull has failed.
    waitFor(() => (one.proxy.count({ path: "/images/create" }) === 2 ? true : undefined), {
      timeoutMs: 30_000,
      describe: () => "no second pull",
    }).then(() => fault[Symbol.asyncDispose]()),
  ]);
  expect(report).toMatchObject({
    detected: { code: "registry-unreachable", subject: "api", details: { image: shared, passing: true } },
    repair: { name: "pull-again" },
  });
  expect(report.detected.evidence).toContain("unexpected EOF");
  expect(one.attempts()).toMatchObject({ pulls: 2, creates: 1, starts: 1 });
  await bringDown(one.project);
});
