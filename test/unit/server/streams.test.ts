import { expect, test } from "vitest";
import { LashError } from "../../../src/model/errors.ts";
import { at, startTestServer, until } from "./support.ts";

const signal = new AbortController().signal;

test("logs: the lines, then the end; strict booleans", async () => {
  await using server = await startTestServer({
    memory: { scripts: { "work:1": { output: ["one", { text: "two", stream: "stderr" }], exitAfterMs: 5 } } },
  });
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "c" } });
  await until(async () => (await server.engine.inspect("c", { signal }))?.state === "exited");
  await using stream = await server.stream("/api/containers/c/logs?follow=false");
  expect(await stream.next()).toMatchObject({ event: "log", data: { stream: "stdout", text: "one" } });
  expect(await stream.next()).toMatchObject({ event: "log", data: { stream: "stderr", text: "two" } });
  expect(await stream.next()).toMatchObject({ event: "end" });
  await stream.ended;
  for (const follow of ["0", "yes", "TRUE", ""]) {
    const { status } = await server.ask("GET", `/api/containers/c/logs?follow=${follow}`);
    expect([follow, status]).toEqual([follow, 400]);
  }
});

test("followed logs keep the container in use and go on where they were left", async () => {
  await using server = await startTestServer();
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "c" } });
  const known = () => server.port.containers.known()[0];
  let lastId = "";
  {
    await using stream = await server.stream("/api/containers/c/logs?follow=true");
    server.engine.print("c", "first");
    const message = await stream.next();
    expect(message.data).toMatchObject({ text: "first" });
    lastId = message.id;
    await until(() => known()?.uses === 1);
    expect(known()?.expiresAtMs).toBeUndefined();
  }
  await until(() => known()?.uses === 0);
  await new Promise((resolve) => setTimeout(resolve, 2));
  server.engine.print("c", "second");
  await using again = await server.stream("/api/containers/c/logs?follow=true", { "last-event-id": lastId });
  expect((await again.next()).data).toMatchObject({ text: "second" });
});

test("a stream that breaks tells so, as the guard would", async () => {
  await using server = await startTestServer();
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "c" } });
  await using stream = await server.stream("/api/containers/c/logs?follow=true");
  await until(() => server.port.containers.known()[0]?.uses === 1);
  server.engine.disconnect();
  expect(await stream.next()).toMatchObject({ event: "error", data: { code: "docker_runner_not_ready" } });
  await stream.ended;
});

test("events: of all, of one, and what was missed", async () => {
  await using server = await startTestServer();
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "a" } });
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "b" } });
  // What these two had to tell has been heard.
  await until(() => server.port.containers.events.last >= 4);
  await using all = await server.stream("/api/events");
  await using one = await server.stream("/api/containers/b/events");
  // Streams begin with their first pull, which comes after the answer's head.
  await new Promise((resolve) => setTimeout(resolve, 30));
  await server.ask("POST", "/api/containers/a/stop");
  await server.ask("DELETE", "/api/containers/b");
  const first = await all.next();
  expect(first).toMatchObject({ event: "event", data: { name: "a" } });
  expect((await one.next()).data).toMatchObject({ name: "b" });
  await using resumed = await server.stream("/api/events", { "last-event-id": first.id });
  expect(Number((await resumed.next()).id.split("-")[1])).toBe(Number(first.id.split("-")[1]) + 1);
  await using foreign = await server.stream("/api/events", { "last-event-id": "abc-1" });
  expect(await foreign.next()).toMatchObject({ event: "missed" });
});

test("streams end when the server does", async () => {
  await using server = await startTestServer();
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "c" } });
  await using logs = await server.stream("/api/containers/c/logs?follow=true");
  await using events = await server.stream("/api/events");
  await server.end();
  await Promise.all([logs.ended, events.ended]);
});

test("a client that leaves closes what was opened for it", async () => {
  await using server = await startTestServer();
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "c" } });
  {
    await using _logs = await server.stream("/api/containers/c/logs?follow=true");
    await using _events = await server.stream("/api/events");
    expect((await server.ask("GET", "/metrics")).text).toContain("\nlash_open_streams 2\n");
  }
  await until(async () => (await server.ask("GET", "/metrics")).text.includes("\nlash_open_streams 0\n"));
});

test("HEAD of a stream opens none", async () => {
  await using server = await startTestServer();
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "c" } });
  for (const path of ["/api/containers/c/logs?follow=true", "/api/events"]) {
    const { status, headers } = await server.ask("HEAD", path);
    expect([status, headers["content-type"]]).toEqual([200, "text/event-stream"]);
  }
  expect((await server.ask("GET", "/metrics")).text).toContain("\nlash_open_streams 0\n");
  expect(server.port.containers.known()).toMatchObject([{ uses: 0 }]);
});

test("an unknown container is told before a stream begins", async () => {
  await using server = await startTestServer();
  const { status, body } = await server.ask("GET", "/api/containers/none/logs?follow=true");
  expect([status, at(body, "error", "code")]).toEqual([404, "container_not_found"]);
});

test("an error inside a stream does not reach the next request", async () => {
  await using server = await startTestServer();
  await server.ask("POST", "/api/containers", { body: { image: "work:1", name: "c" } });
  server.engine.failNext(
    "logs",
    new LashError("engine-refused", "Cannot read: no", { data: { status: 400 } }),
  );
  await using stream = await server.stream("/api/containers/c/logs");
  expect(await stream.next()).toMatchObject({ event: "error", data: { code: "engine_refused" } });
  expect((await server.ask("GET", "/api/containers/c")).status).toBe(200);
});
