import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { expect, test } from "vitest";
import { containerSchema, execResultSchema, healthSchema } from "../../src/server/contract.ts";
import { askEngine, callEngine } from "../bed/engine-api.ts";
import { freePort, type Lash, openProject, type Project, web } from "../support/cli.ts";
import { at, clientOf, messagesOf, type ServerClient, until } from "../support/server-client.ts";

const runnerBody = '{"error":{"code":"docker_runner_not_ready","message":"docker-runner not ready"}}';

/** `lash server` as a process, in front of the project's engine or of a runner before it. */
async function startServerProcess(
  project: Project,
  options: { readonly env?: Readonly<Record<string, string>>; readonly args?: readonly string[] } = {},
): Promise<ServerClient & { readonly lash: Lash }> {
  const port = await freePort();
  const lash = project.start(["server", "--port", String(port), ...(options.args ?? [])], {
    env: { LASH_SERVER_LOG_LEVEL: "debug", ...options.env },
    timeoutMs: 60_000,
  });
  await lash.text(/the server listens/);
  return { ...clientOf(port), lash };
}

async function runnerBefore(
  project: Project,
): Promise<{ readonly env: Readonly<Record<string, string>>; start(): Promise<Lash> }> {
  const port = await freePort();
  const secret = randomBytes(16).toString("hex");
  return {
    env: { DOCKER_RUNNER_BASE_URL: `http://127.0.0.1:${port}`, DOCKER_RUNNER_SHARED_SECRET: secret },
    async start() {
      const lash = project.start(["runner"], {
        env: {
          DOCKER_SOCKET: project.socket,
          DOCKER_RUNNER_PORT: String(port),
          DOCKER_RUNNER_SHARED_SECRET: secret,
        },
        timeoutMs: 60_000,
      });
      await lash.text(/listening/);
      return lash;
    },
  };
}

async function untilUp({ ask }: ServerClient): Promise<void> {
  await until(async () => (await ask("GET", "/api/containers")).status === 200);
}

test.each(["local engine", "runner"])("containers on request, through a %s", async (way) => {
  await using project = await openProject();
  const runner = way === "runner" ? await runnerBefore(project) : undefined;
  await runner?.start();
  const name = `c${randomBytes(4).toString("hex")}`;
  const serverName = `s${randomBytes(4).toString("hex")}`;
  const args = ["--name", serverName];
  const server = await startServerProcess(project, {
    args,
    ...(runner === undefined ? {} : { env: runner.env }),
  });
  const { ask } = server;
  await untilUp(server);
  try {
    const command = ["sh", "-c", "echo started; exec sleep 1000"];
    const created = await ask("POST", "/api/containers", {
      body: { image: "lash-base:1", name, command, init: true },
    });
    expect([created.status, created.text]).toEqual([201, expect.stringContaining("running")]);
    const container = containerSchema.parse(created.body);

    const exec = async (body: object) =>
      execResultSchema.parse((await ask("POST", `/api/containers/${name}/exec`, { body })).body);
    expect(await exec({ command: ["sh", "-c", "cat; echo bad >&2; exit 5"], input: "grüße" })).toEqual({
      reason: "completed",
      exitCode: 5,
      stdout: "grüße",
      stderr: "bad\n",
      truncated: false,
    });

    // The command and what it started end; the container's own process does not notice.
    const slow = await exec({ command: ["sh", "-c", "echo begun; sleep 777 & sleep 778"], timeoutMs: 300 });
    expect(slow).toMatchObject({ reason: "timeout", stdout: "begun\n" });
    const { stdout: processes } = await exec({ command: ["ps"] });
    expect(processes).toContain("sleep 1000");
    expect(processes).not.toMatch(/sleep 77[78]/);

    await using logs = await server.stream(`/api/containers/${name}/logs?follow=true`);
    expect((await logs.next()).data).toMatchObject({ stream: "stdout", text: "started" });

    const opened = await ask("POST", `/api/containers/${name}/terminal/sessions`, {
      body: { columns: 91, rows: 31 },
    });
    const socket = server.terminal(at(opened.body, "path"));
    const messages = messagesOf(socket);
    socket.on("open", () => socket.send(JSON.stringify({ type: "ping" })));
    let shown = "";
    const untilShown = async (text: string): Promise<void> => {
      while (!shown.includes(text)) {
        const { value, done } = await messages.next();
        if (done === true) throw new Error(`the terminal ended: ${shown}`);
        if (at(value, "type") === "output") shown += at(value, "data");
        if (at(value, "type") === "status" && at(value, "status") === "running") {
          socket.send(
            JSON.stringify({
              type: "input",
              data: "until stty size | grep 91; do sleep 0.05; done; echo done-$((1+1))\n",
            }),
          );
        }
      }
    };
    await untilShown("done-2");
    expect(shown).toContain("31 91");
    const closed = once(socket, "close");
    socket.send(JSON.stringify({ type: "input", data: "exit 4\n" }));
    for (;;) {
      const { value } = await messages.next();
      if (at(value, "type") !== "exited") continue;
      expect(value).toEqual({ type: "exited", exitCode: 4 });
      break;
    }
    expect((await closed)[0]).toBe(1000);

    await using events = await server.stream(`/api/containers/${name}/events`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(
      containerSchema.parse(
        (await ask("POST", `/api/containers/${name}/stop`, { body: { graceMs: 200 } })).body,
      ).state,
    ).toBe("exited");
    expect(await events.next()).toMatchObject({ event: "event", data: { name, container: container.id } });
    expect((await ask("DELETE", `/api/containers/${name}`)).status).toBe(204);
    expect((await ask("GET", `/api/containers/${name}`)).status).toBe(404);

    server.lash.signal("SIGTERM");
    const ended = await server.lash.ended;
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
    expect(server.lash.lines().filter(({ level }) => level === "error")).toEqual([]);
  } finally {
    await callEngine(project.socket, `/containers/${name}?force=1`, { method: "DELETE" });
  }
});

test("the runner comes last, goes and comes back: the server never ends and tells the truth", async () => {
  await using project = await openProject();
  const runner = await runnerBefore(project);
  const server = await startServerProcess(project, { env: runner.env });
  const { ask } = server;
  const health = async () => healthSchema.parse((await ask("GET", "/health")).body).dependencies.dockerRunner;
  const refused = await ask("GET", "/api/containers");
  expect([refused.status, refused.text]).toEqual([503, runnerBody]);
  expect(await health()).toMatchObject({
    status: "down",
    reason: "refused",
    optional: true,
    ...{ baseUrl: runner.env["DOCKER_RUNNER_BASE_URL"] },
  });
  const first = await runner.start();
  await untilUp(server);
  expect(await health()).toMatchObject({ status: "up", consecutiveFailures: 0 });

  // Nobody asks: the cut event stream tells.
  first.signal("SIGKILL");
  await first.ended;
  await until(async () => (await health())?.status === "down");
  expect((await ask("GET", "/api/containers")).text).toBe(runnerBody);
  const second = await runner.start();
  await untilUp(server);

  // Hung: it accepts and never answers.
  second.signal("SIGSTOP");
  const hungAt = performance.now();
  const hung = await Promise.all(Array.from({ length: 3 }, async () => await ask("GET", "/api/stacks")));
  expect(hung.map(({ status, text }) => [status, text])).toEqual(hung.map(() => [503, runnerBody]));
  // A second without an answer, then the deadline of a probe.
  expect(performance.now() - hungAt).toBeLessThan(8000);
  expect(await health()).toMatchObject({ status: "down", reason: "timeout" });
  second.signal("SIGCONT");
  await untilUp(server);
  server.lash.signal("SIGTERM");
  expect((await server.lash.ended).code).toBe(0);
  const told = server.lash.lines().filter(({ dependency }) => dependency === "docker-runner");
  expect(told.filter(({ level }) => level === "error").length).toBeGreaterThanOrEqual(3);
  for (const line of told.filter(({ state }) => state === "down")) {
    expect(Object.keys(line)).toEqual(
      expect.arrayContaining([
        "baseUrl",
        "errorCode",
        "message",
        "retryInMs",
        "nextRetryAt",
        "consecutiveFailures",
      ]),
    );
  }
});

test("a stack in the server's folder: up, supervised, seen by the CLI, stopped, down", async () => {
  await using project = await openProject();
  await project.write(
    `stacks/${project.name}/lash.yml`,
    `project: { name: ${project.name} }\nresources:\n  page: ${web(0)}\n`,
  );
  const server = await startServerProcess(project, { args: ["--stacks", `${project.folder}/stacks`] });
  const { ask } = server;
  await until(async () => (await ask("GET", "/api/stacks")).status === 200);
  const path = `/api/stacks/${project.name}`;
  const up = await ask("POST", `${path}/up?wait=true`);
  expect(up.body).toMatchObject({ state: "done" });
  expect((await ask("GET", path)).body).toMatchObject({
    running: 1,
    items: [{ name: "page", status: "ready" }],
  });
  const listed = await project.ok(["--file", `stacks/${project.name}/lash.yml`, "ps", "--json"]);
  expect(listed.stdout).toContain('"ready"');
  // A supervisor restarts nothing that was stopped on purpose, through whichever door.
  expect((await ask("POST", `${path}/resources/page/stop`, { body: { graceMs: 1000 } })).status).toBe(204);
  expect((await ask("GET", path)).body).toMatchObject({ running: 0 });
  expect((await ask("POST", `${path}/resources/page/start`)).status).toBe(204);
  expect((await ask("GET", path)).body).toMatchObject({ running: 1 });
  await project.ok(["--file", `stacks/${project.name}/lash.yml`, "restart", "page"]);
  expect((await ask("GET", path)).body).toMatchObject({ running: 1 });
  expect((await ask("POST", `${path}/down?wait=true`)).body).toMatchObject({ state: "done" });
  expect(await project.left()).toEqual([]);
});

test("a required runner that is not there: the start fails, with its address, a code and the setting", async () => {
  await using project = await openProject();
  const { env } = await runnerBefore(project);
  const { code, stderr } = await project.lash(["server", "--port", "0"], {
    env: { ...env, DOCKER_RUNNER_OPTIONAL: "false" },
  });
  expect(code).toBe(3);
  expect(stderr).toContain(env["DOCKER_RUNNER_BASE_URL"]);
  expect(stderr).toContain("DOCKER_RUNNER_OPTIONAL");
});

test("the time to live is kept by the engine's labels, over a restart of the server", async () => {
  await using project = await openProject();
  const name = `c${randomBytes(4).toString("hex")}`;
  const args = ["--name", `s${randomBytes(4).toString("hex")}`];
  const first = await startServerProcess(project, { args });
  await untilUp(first);
  const body = { image: "lash-base:1", name, command: ["sleep", "1000"], ttlSeconds: 4, stopGraceMs: 100 };
  expect((await first.ask("POST", "/api/containers", { body })).status).toBe(201);
  first.lash.signal("SIGTERM");
  await first.lash.ended;
  const second = await startServerProcess(project, { args });
  await until(async () => (await second.ask("GET", "/api/containers")).text.includes(name));
  const filter = encodeURIComponent(JSON.stringify({ name: [name] }));
  const left = async () =>
    await askEngine<unknown[]>(project.socket, `/containers/json?all=1&filters=${filter}`);
  const limit = performance.now() + 20_000;
  while ((await left()).length > 0 && performance.now() < limit)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await left()).toEqual([]);
  await second.lash.text(/an unused container was removed/);
});
