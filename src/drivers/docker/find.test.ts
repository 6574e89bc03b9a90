import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LashError } from "../../model/errors.ts";
import { scriptEngine } from "../engine-api/testing/scripted-engine.ts";
import { findEngine } from "./find.ts";

const signal = new AbortController().signal;

interface Home extends AsyncDisposable {
  readonly path: string;
}

async function homeWith(files: Readonly<Record<string, unknown>> = {}): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), "lash-home-"));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(path, name, ".."), { recursive: true });
    await writeFile(join(path, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) };
}

function contextFile(name: string, host: string): Record<string, unknown> {
  const id = createHash("sha256").update(name).digest("hex");
  return { [`.docker/contexts/meta/${id}/meta.json`]: { Name: name, Endpoints: { docker: { Host: host } } } };
}

async function failure(env: Record<string, string>): Promise<LashError> {
  return await findEngine({ env, signal }).then(
    () => expect.unreachable(),
    (error: unknown) => error as LashError,
  );
}

test("DOCKER_HOST is taken, and nothing else is looked at", async () => {
  await using engine = await scriptEngine(() => {});
  await using home = await homeWith();
  const env = { HOME: home.path, DOCKER_HOST: engine.endpoint.text, DOCKER_CONTEXT: "ignored" };
  const found = await findEngine({ env, signal });
  expect(found).toMatchObject({
    endpoint: engine.endpoint,
    driver: "docker",
    source: "DOCKER_HOST",
    tried: [],
  });
  expect(found.greeting.apiVersion).toBe("1.41");
  expect(engine.requests).toEqual(["GET /_ping"]);
});

test("what DOCKER_HOST names is final, and the error lists it with its reason", async () => {
  await using home = await homeWith();
  const error = await failure({ HOME: home.path, DOCKER_HOST: "unix:///nonexistent/x.sock" });
  expect(error.code).toBe("engine-unreachable");
  expect(error.data["tried"]).toEqual([
    {
      endpoint: "unix:///nonexistent/x.sock",
      source: "DOCKER_HOST",
      code: "ENOENT",
      reason: "no engine listens there, the socket does not exist",
    },
  ]);
  expect(error.hint).toContain("DOCKER_HOST");
});

test("the context comes from DOCKER_CONTEXT, else from docker's configuration", async () => {
  await using engine = await scriptEngine(() => {});
  await using home = await homeWith({
    ...contextFile("mine", engine.endpoint.text),
    ".docker/config.json": { currentContext: "mine" },
  });
  const found = await findEngine({ env: { HOME: home.path }, signal });
  expect(found).toMatchObject({ endpoint: engine.endpoint, source: 'docker context "mine"' });
  const byName = await findEngine({ env: { HOME: home.path, DOCKER_CONTEXT: "mine" }, signal });
  expect(byName.endpoint).toEqual(engine.endpoint);
  const error = await failure({ HOME: home.path, DOCKER_CONTEXT: "other" });
  expect(error).toMatchObject({ code: "usage" });
  expect(error.message).toContain("there is no such context");
});

test("an engine behind ssh is refused with a way out", async () => {
  await using home = await homeWith(contextFile("far", "ssh://me@host"));
  const error = await failure({ HOME: home.path, DOCKER_CONTEXT: "far" });
  expect(error.code).toBe("engine-unsupported");
  expect(error.hint).toContain("ssh -N -L");
});

test("Podman is told by what it says of itself", async () => {
  await using engine = await scriptEngine(() => {}, "1.41", "Libpod/4.3.1 (linux)");
  await using home = await homeWith();
  const found = await findEngine({ env: { HOME: home.path, CONTAINER_HOST: engine.endpoint.text }, signal });
  expect(found).toMatchObject({ driver: "podman", source: "CONTAINER_HOST" });
});
