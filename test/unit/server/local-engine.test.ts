import { mkdtemp, rm, symlink, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openServerPort } from "../../../src/app/serve-server.ts";
import type { ServerPort } from "../../../src/app/types.ts";
import {
  type ScriptedEngine,
  scriptEngine,
} from "../../../src/drivers/engine-api/testing/scripted-engine.ts";
import { until } from "../../support/server-client.ts";

/** An engine with no containers. */
async function emptyEngine(): Promise<ScriptedEngine> {
  return await scriptEngine(({ path }, response) => {
    if (path.includes("/events")) {
      response.flushHeaders();
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(
      path.includes("/containers/json") ? "[]" : '{"ID":"test","OSType":"linux","Architecture":"x86_64"}',
    );
  });
}

async function openPort(folder: string, environment: NodeJS.ProcessEnv): Promise<ServerPort> {
  return await openServerPort({
    environment: { HOME: folder, ...environment },
    hooks: { onDependency: () => {}, onCleanup: () => {}, onFault: () => {} },
    signal: new AbortController().signal,
    data: folder,
  });
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lash-local-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("no engine holds nothing up; its socket's appearance is noticed at once, its end too", async () => {
  await withFolder(async (folder) => {
    const socket = join(folder, "engine.sock");
    const environment = {
      DOCKER_HOST: `unix://${socket}`,
      // Nothing but the socket's watch can notice it in this test's time.
      DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS: "600000",
      DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS: "600000",
    };
    const startedAt = performance.now();
    await using port = await openPort(folder, environment);
    expect(performance.now() - startedAt).toBeLessThan(2000);
    const { dependency } = port;
    await until(() => dependency.snapshot().status === "down");
    expect(dependency.snapshot()).toMatchObject({ baseUrl: `unix://${socket}`, reason: "refused" });
    const { signal } = new AbortController();
    await expect(port.containers.ensureImage("x", { signal })).rejects.toMatchObject({
      code: "engine-unreachable",
    });
    await using engine = await emptyEngine();
    await symlink(engine.endpoint.text.replace("unix://", ""), socket);
    await until(() => dependency.isUp);
    expect(await port.containers.list({ signal })).toEqual([]);
    await unlink(socket);
    for (const each of engine.connections) each.destroy();
    await until(() => !dependency.isUp);
  });
});

test("a required engine that is not there is told by its place and the setting", async () => {
  await withFolder(async (folder) => {
    const host = `unix://${join(folder, "none.sock")}`;
    await expect(
      openPort(folder, { DOCKER_HOST: host, DOCKER_RUNNER_OPTIONAL: "false" }),
    ).rejects.toMatchObject({
      code: "engine-unreachable",
      message: expect.stringContaining(host) as unknown,
      hint: expect.stringContaining("DOCKER_RUNNER_OPTIONAL") as unknown,
    });
  });
});

test.each([
  ["DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS", { DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS: "-1" }],
  ["DOCKER_RUNNER_OPTIONAL", { DOCKER_RUNNER_OPTIONAL: "maybe" }],
  ["DOCKER_RUNNER_SHARED_SECRET", { DOCKER_RUNNER_BASE_URL: "http://runner:7071" }],
  [
    "DOCKER_RUNNER_BASE_URL",
    {
      DOCKER_RUNNER_BASE_URL: "http://user:password@runner:7071",
      DOCKER_RUNNER_SHARED_SECRET: "x".repeat(32),
    },
  ],
])("settings that make no sense do not start: %s", async (name, environment) => {
  await withFolder(async (folder) => {
    const refused = openPort(folder, environment);
    await expect(refused).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(name) as unknown,
    });
    await expect(refused).rejects.not.toMatchObject({
      message: expect.stringContaining("password") as unknown,
    });
  });
});
