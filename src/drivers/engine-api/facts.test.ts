import { expect, test } from "vitest";
import type { Dialect } from "./dialect.ts";
import { dockerState } from "./dialect.ts";
import { containerFacts, contentId, eventFacts, imageFacts, publishedPorts } from "./facts.ts";
import type { ContainerJson } from "./wire.ts";

const dialect: Dialect = {
  driver: "docker",
  product: "Docker Engine",
  identity: () => "",
  state: dockerState,
  event: (event) => event,
  actions: undefined,
  isNoise: () => false,
  keepsStartError: true,
  removesByIdOnly: false,
  followsToTheEnd: true,
  imageName: (name) => name,
  takesCommitLabels: true,
  localNames: (reference) => [reference],
};

const running: ContainerJson = {
  Id: "abc",
  Name: "/web",
  Image: "sha256:1",
  Created: "2026-11-21T02:00:00.1Z",
  RestartCount: 2,
  Config: { Image: "redis:7", Labels: { a: "b" } },
  State: {
    Status: "running",
    Pid: 7,
    ExitCode: 0,
    StartedAt: "2026-11-21T02:00:01Z",
    FinishedAt: "0001-01-01T00:00:00Z",
    Health: {
      Status: "unhealthy",
      Log: [
        { ExitCode: 1, Output: "first" },
        { ExitCode: 1, Output: "last\n" },
        { ExitCode: 0, Output: "fine" },
      ],
    },
  },
  NetworkSettings: {
    Ports: {
      "80/tcp": [
        { HostIp: "0.0.0.0", HostPort: "32768" },
        { HostIp: "::", HostPort: "32768" },
      ],
      "9/tcp": null,
    },
    Networks: { app: { IPAddress: "172.18.0.2" }, none: { IPAddress: "" } },
  },
};

test("containerFacts() of a running container", () => {
  expect(containerFacts(running, dialect)).toEqual({
    id: "abc",
    name: "web",
    labels: { a: "b" },
    image: "redis:7",
    imageId: "sha256:1",
    state: "running",
    health: "unhealthy",
    healthOutput: "last",
    restartCount: 2,
    createdAt: "2026-11-21T02:00:00.1Z",
    startedAt: "2026-11-21T02:00:01Z",
    finishedAt: undefined,
    pid: 7,
    ports: [{ hostIp: "", hostPort: 32768, containerPort: 80, protocol: "tcp" }],
    addresses: { app: "172.18.0.2" },
    exitCode: undefined,
    oomKilled: false,
    error: "",
  });
});

test.each([
  { state: { Status: "exited", ExitCode: 137, OOMKilled: true }, exitCode: 137 },
  { state: { Status: "created", ExitCode: 0 }, exitCode: undefined },
  { state: { Status: "created", ExitCode: 128, Error: "port is already allocated" }, exitCode: 128 },
  { state: { Status: "restarting", ExitCode: 7 }, exitCode: 7 },
  { state: { Status: "exited", ExitCode: -1 }, exitCode: undefined },
])(
  "containerFacts() reads $exitCode out of $state, and no ports of what does not run",
  ({ state, exitCode }) => {
    const facts = containerFacts({ ...running, State: state }, dialect);
    expect(facts).toMatchObject({ exitCode, oomKilled: state.OOMKilled ?? false, ports: [], addresses: {} });
  },
);

test("containerFacts() survives an engine that sends nothing", () => {
  expect(containerFacts({}, dialect)).toMatchObject({ state: "dead", labels: {}, health: "none" });
});

test("publishedPorts() joins IPv4 and IPv6 of one mapping, and keeps what differs", () => {
  const any4 = { HostIp: "0.0.0.0", HostPort: "1" };
  const any6 = { HostIp: "::", HostPort: "1" };
  const mapping = { hostIp: "", hostPort: 1, containerPort: 80, protocol: "tcp" };
  expect(publishedPorts({ "80/tcp": [any6, any4] })).toEqual([mapping]);
  expect(publishedPorts({ "80/tcp": [any6] })).toEqual([mapping]);
  expect(publishedPorts({ "80/tcp": [{ ...any6, HostPort: "2" }, any4] })).toEqual([
    mapping,
    { ...mapping, hostIp: "::", hostPort: 2 },
  ]);
  expect(publishedPorts({ "80/tcp": [any4, { HostIp: "127.0.0.1", HostPort: "3" }] })).toEqual([
    mapping,
    { ...mapping, hostIp: "127.0.0.1", hostPort: 3 },
  ]);
});

test("eventFacts() keeps the labels and reads the exit code of a die only", () => {
  const event = {
    Type: "container",
    Action: "die",
    timeNano: 1_795_228_492_151_000_000,
    Actor: { ID: "abc", Attributes: { image: "redis:7", name: "web", exitCode: "3", mine: "x" } },
  };
  expect(eventFacts(event)).toEqual({
    id: "abc",
    name: "web",
    labels: { mine: "x" },
    action: "die",
    atMs: 1_795_228_492_151,
    exitCode: 3,
  });
  expect(eventFacts({ ...event, Action: "start" })?.exitCode).toBeUndefined();
  expect(eventFacts({ ...event, Type: "network" })).toBeUndefined();
  expect(eventFacts({})).toBeUndefined();
});

test("imageFacts() and contentId() give the same id for both engines", () => {
  const hex = "a".repeat(64);
  expect(contentId(hex)).toBe(`sha256:${hex}`);
  expect(contentId(`sha256:${hex}`)).toBe(`sha256:${hex}`);
  expect(imageFacts({ Id: hex, Os: "linux", Architecture: "arm", Variant: "v7" })).toMatchObject({
    id: `sha256:${hex}`,
    platform: "linux/arm/v7",
    hasHealthcheck: false,
  });
  expect(imageFacts({ Config: { Healthcheck: { Test: ["NONE"] } } }).hasHealthcheck).toBe(false);
  expect(imageFacts({ Config: { Healthcheck: { Test: ["CMD", "x"] } } }).hasHealthcheck).toBe(true);
});
