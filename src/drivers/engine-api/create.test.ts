import { expect, test } from "vitest";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { createPlan } from "./create.ts";

const least: ContainerSpec = { name: "a", labels: { l: "1" }, image: "redis:7", env: { A: "b=c" } };

function bodyOf(more: Partial<ContainerSpec>, version = "1.47"): unknown {
  return JSON.parse(JSON.stringify(createPlan({ ...least, ...more }, version).body));
}

test("createPlan() leaves out what the spec does not say", () => {
  expect(bodyOf({})).toEqual({ Image: "redis:7", Labels: { l: "1" }, Env: ["A=b=c"], HostConfig: {} });
});

test("createPlan() says everything the spec says", () => {
  const body = bodyOf({
    entrypoint: [],
    command: ["x"],
    ports: [
      { hostIp: "127.0.0.1", hostPort: 0, containerPort: 80, protocol: "tcp" },
      { hostIp: "", hostPort: 53, containerPort: 53, protocol: "udp" },
      { hostIp: "", hostPort: undefined, containerPort: 9, protocol: "tcp" },
    ],
    mounts: [
      { type: "bind", source: "/src", target: "/a", readOnly: true },
      { type: "volume", source: "data", target: "/b", readOnly: false },
      { type: "volume", source: "", target: "/c", readOnly: false },
      { type: "tmpfs", source: "", target: "/d", readOnly: true, options: "size=1m" },
    ],
    devices: ["/dev/a", "/dev/a:/dev/b", "/dev/a:/dev/b:r", "/dev/a:rw"],
    cpus: 0.5,
    ulimits: [{ name: "nofile", soft: 1, hard: -1 }],
    logging: { driver: "json-file", options: { "max-size": "1m" } },
    stopGraceMs: 1500,
    healthcheck: { test: ["CMD", "x"], intervalMs: 1500, timeoutMs: 1000, retries: 3, startPeriodMs: 0 },
    restart: { name: "on-failure", maximumRetryCount: 3 },
  });
  expect(body).toMatchObject({
    Entrypoint: [""],
    Cmd: ["x"],
    StopTimeout: 2,
    ExposedPorts: { "80/tcp": {}, "53/udp": {}, "9/tcp": {} },
    Healthcheck: { Test: ["CMD", "x"], Interval: 1.5e9, Timeout: 1e9, Retries: 3, StartPeriod: 0 },
    HostConfig: {
      PortBindings: {
        "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }],
        "53/udp": [{ HostIp: "", HostPort: "53" }],
      },
      Mounts: [
        { Type: "bind", Source: "/src", Target: "/a", ReadOnly: true },
        { Type: "volume", Source: "data", Target: "/b", ReadOnly: false },
        { Type: "volume", Target: "/c", ReadOnly: false },
      ],
      Tmpfs: { "/d": "size=1m,ro" },
      Devices: [
        { PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "rwm" },
        { PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "rwm" },
        { PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r" },
        { PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "rw" },
      ],
      NanoCpus: 5e8,
      Ulimits: [{ Name: "nofile", Soft: 1, Hard: -1 }],
      LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
    },
  });
});

test.each([
  { version: "1.41", atOnce: ["one"], after: ["two"] },
  { version: "1.44", atOnce: ["one", "two"], after: [] },
])("createPlan() gives API $version the networks it takes at once", ({ version, atOnce, after }) => {
  const networks = [
    { name: "one", aliases: ["a"] },
    { name: "two", aliases: [] },
  ];
  const plan = createPlan({ ...least, networks }, version);
  expect(plan.connectAfter.map(({ network }) => network)).toEqual(after);
  expect(plan.body).toMatchObject({ HostConfig: { NetworkMode: "one" } });
  const config = plan.body["NetworkingConfig"] as { readonly EndpointsConfig: object };
  expect(Object.keys(config.EndpointsConfig)).toEqual(atOnce);
});

test("createPlan() says nothing about an endpoint in the host's network", () => {
  const body = bodyOf({ networks: [{ name: "host", aliases: [] }] });
  expect(body).toMatchObject({ HostConfig: { NetworkMode: "host" } });
  expect(body).not.toHaveProperty("NetworkingConfig");
});
