import { expect, test } from "vitest";
import { containerListSchema, containerSchema, execResultSchema } from "../../../src/server/contract.ts";
import { at, startTestServer, until } from "./support.ts";

const signal = new AbortController().signal;

test("the life of a container: created, listed, used, stopped, started, removed", async () => {
  await using server = await startTestServer({
    memory: { scripts: { "work:1": { exec: (call) => (call.write("hello"), 7) } } },
  });
  const { ask, engine } = server;
  const created = await ask("POST", "/api/containers", {
    body: {
      image: "work:1",
      name: "one",
      env: { A: "b" },
      labels: { team: "x" },
      ports: [{ containerPort: 80 }],
    },
  });
  expect(created.status).toBe(201);
  const container = containerSchema.parse(created.body);
  expect(container).toMatchObject({
    name: "one",
    state: "running",
    labels: { team: "x" },
    ttlSeconds: 86_400,
  });
  expect(container.ports).toMatchObject([{ containerPort: 80, hostIp: "127.0.0.1", protocol: "tcp" }]);

  const listed = await ask("GET", "/api/containers");
  expect(containerListSchema.parse(listed.body)).toMatchObject({
    items: [{ id: container.id }],
    stale: false,
  });
  expect((await ask("GET", `/api/containers/${container.id}`)).body).toMatchObject({ name: "one" });
  expect((await ask("GET", "/api/containers/one")).body).toMatchObject({ id: container.id });

  const ran = await ask("POST", "/api/containers/one/exec", { body: { command: ["greet"] } });
  expect(execResultSchema.parse(ran.body)).toEqual({
    reason: "completed",
    exitCode: 7,
    stdout: "hello",
    stderr: "",
    truncated: false,
  });

  const stopped = await ask("POST", "/api/containers/one/stop", { body: { graceMs: 10 } });
  expect(containerSchema.parse(stopped.body)).toMatchObject({ state: "exited", exitCode: 143 });
  expect((await ask("GET", "/api/containers")).body).toMatchObject({ items: [] });
  expect((await ask("GET", "/api/containers?status=stopped")).body).toMatchObject({
    items: [{ name: "one" }],
  });
  const conflict = await ask("POST", "/api/containers/one/exec", { body: { command: ["greet"] } });
  expect([conflict.status, at(conflict.body, "error", "code")]).toEqual([409, "conflict"]);

  expect((await ask("POST", "/api/containers/one/start")).body).toMatchObject({ state: "running" });
  expect((await ask("DELETE", "/api/containers/one")).status).toBe(204);
  expect(await engine.inspect("one", { signal })).toBeUndefined();
  const gone = await ask("GET", "/api/containers/one");
  expect([gone.status, at(gone.body, "error", "code")]).toEqual([404, "container_not_found"]);
  expect(server.audits()[0]).toMatchObject({
    target: "one",
    by: "loopback",
    address: "127.0.0.1",
    status: 201,
  });
  expect(server.audits().map(({ action, outcome }) => `${String(action)} ${String(outcome)}`)).toEqual([
    "container.create done",
    "container.exec done",
    "container.stop done",
    "container.exec refused",
    "container.start done",
    "container.remove done",
  ]);
});

test("what is somebody else's does not exist here and is never touched", async () => {
  await using server = await startTestServer();
  const { ask, engine } = server;
  await engine.create(
    { name: "theirs", image: "work:1", labels: { "lash.server": "another" }, env: {} },
    { signal },
  );
  await engine.start("theirs", { signal });
  for (const [method, path] of [
    ["GET", "/api/containers/theirs"],
    ["POST", "/api/containers/theirs/stop"],
    ["DELETE", "/api/containers/theirs"],
    ["GET", "/api/containers/theirs/logs"],
    ["GET", "/api/containers/theirs/events"],
    ["POST", "/api/containers/theirs/terminal/sessions"],
  ] as const) {
    const { status, body } = await ask(method, path);
    expect([path, status, at(body, "error", "code")]).toEqual([path, 404, "container_not_found"]);
  }
  const ran = await ask("POST", "/api/containers/theirs/exec", { body: { command: ["x"] } });
  expect(ran.status).toBe(404);
  expect((await engine.inspect("theirs", { signal }))?.state).toBe("running");
  expect((await ask("GET", "/api/containers?status=all")).body).toMatchObject({ items: [] });
});

test("a container that does not start is removed again, and the engine's words are told", async () => {
  await using server = await startTestServer({
    memory: { scripts: { "bad:1": { failStart: "no such command" } } },
  });
  const { status, body } = await server.ask("POST", "/api/containers", { body: { image: "bad:1" } });
  expect([status, at(body, "error", "code")]).toEqual([422, "engine_refused"]);
  expect(at(body, "error", "message")).toContain("no such command");
  expect(await server.engine.list({}, { signal })).toEqual([]);
});

test("images: pulled when missing, refused when nobody has them", async () => {
  await using server = await startTestServer({ memory: { images: ["here:1"], pullable: ["there:1"] } });
  const ensure = async (image: string) => await server.ask("POST", "/api/images/ensure", { body: { image } });
  expect((await ensure("here:1")).body).toMatchObject({ image: "here:1", pulled: false });
  expect((await ensure("there:1")).body).toMatchObject({ pulled: true });
  expect((await ensure("nowhere:1")).status).toBeGreaterThanOrEqual(404);
  expect((await ensure("nowhere:1")).status).toBeLessThan(500);
  const never = await server.ask("POST", "/api/containers", { body: { image: "other:1", pull: "never" } });
  expect([never.status, at(never.body, "error", "code")]).toEqual([404, "image_not_found"]);
});

test("a name that is taken, by whomever, is a conflict", async () => {
  await using server = await startTestServer();
  const body = { image: "work:1", name: "one" };
  expect((await server.ask("POST", "/api/containers", { body })).status).toBe(201);
  const second = await server.ask("POST", "/api/containers", { body });
  expect([second.status, at(second.body, "error", "code")]).toEqual([409, "conflict"]);
});

test("lists: filters, order, limit", async () => {
  await using server = await startTestServer();
  const { ask } = server;
  for (const name of ["a", "b", "c"]) {
    const labels = { name, group: name === "c" ? "two" : "one" };
    expect(
      (await ask("POST", "/api/containers", { body: { image: `${name}:1`, name, labels } })).status,
    ).toBe(201);
  }
  await ask("POST", "/api/containers/b/stop");
  const names = async (query: string): Promise<string[]> =>
    containerListSchema
      .parse((await ask("GET", `/api/containers?${query}`)).body)
      .items.map(({ name }) => name);
  expect(await names("sortDir=asc")).toEqual(["a", "c"]);
  expect(await names("status=all&sortDir=desc")).toEqual(["c", "b", "a"]);
  expect(await names("status=all&label=group%3Done&sortDir=asc")).toEqual(["a", "b"]);
  expect(await names("status=all&label=group%3Done&label=name%3Db")).toEqual(["b"]);
  expect(await names("image=c:1")).toEqual(["c"]);
  expect(await names(`since=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
  const limited = containerListSchema.parse((await ask("GET", "/api/containers?status=all&limit=2")).body);
  expect([limited.items.length, limited.more]).toEqual([2, true]);
});

test("a command that takes too long is ended; what it wrote is there, and the container is left alone", async () => {
  const slow = Promise.withResolvers<number>();
  const marks: (string | undefined)[] = [];
  await using server = await startTestServer({
    memory: {
      scripts: {
        "work:1": {
          exec: async (call) => {
            if (call.command[0] === "sh") {
              marks.push(call.command[4]);
              slow.resolve(143);
              return 0;
            }
            marks.push(call.env["LASH_EXEC_MARK"]);
            call.write("begun");
            return await slow.promise;
          },
        },
      },
    },
  });
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "one" } });
  const { body } = await server.ask("POST", "/api/containers/one/exec", {
    body: { command: ["slow"], timeoutMs: 50 },
  });
  expect(body).toMatchObject({ reason: "timeout", stdout: "begun", exitCode: 143 });
  // It was signalled by its mark, once, and nothing else was.
  expect(marks).toHaveLength(2);
  expect(marks[0]).toBe(marks[1]);
  expect((await server.ask("GET", "/api/containers/one")).body).toMatchObject({ state: "running" });
});

test("input reaches the command, and ends", async () => {
  await using server = await startTestServer({
    memory: {
      scripts: {
        "cat:1": {
          exec: async (call) => {
            for await (const chunk of call.input) call.write(chunk);
            return 0;
          },
        },
      },
    },
  });
  await server.ask("POST", "/api/containers", { body: { image: "cat:1", name: "one" } });
  const { body } = await server.ask("POST", "/api/containers/one/exec", {
    body: { command: ["cat"], input: "grüße 🙂" },
  });
  expect(body).toMatchObject({ stdout: "grüße 🙂", exitCode: 0 });
});

test("another server on the same engine rebuilds everything from the labels", async () => {
  await using first = await startTestServer();
  await first.ask("POST", "/api/containers", { body: { image: "work:1", name: "one", ttlSeconds: 60 } });
  await first.end();
  await using second = await startTestServer({ engine: first.engine });
  await until(async () => second.port.containers.known().length === 1);
  expect((await second.ask("GET", "/api/containers?stale=true")).body).toMatchObject({
    stale: true,
    items: [{ name: "one", ttlSeconds: 60, state: "running" }],
  });
});
