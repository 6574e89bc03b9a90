import { expect, test } from "vitest";
import { readRunnerSettings } from "./settings.ts";

const secret = { DOCKER_RUNNER_SHARED_SECRET: "s" };

test("readRunnerSettings() needs the secret and nothing else", () => {
  expect(readRunnerSettings(secret)).toEqual({
    host: "127.0.0.1",
    port: 7071,
    sharedSecret: "s",
    socket: "/var/run/docker.sock",
    tls: undefined,
    policyFile: undefined,
    logLevel: "info",
  });
  for (const environment of [{}, { DOCKER_RUNNER_SHARED_SECRET: "" }])
    expect(() => readRunnerSettings(environment)).toThrow(/DOCKER_RUNNER_SHARED_SECRET is not set/);
});

test("readRunnerSettings() takes all of them", () => {
  const environment = {
    ...secret,
    DOCKER_RUNNER_HOST: "::",
    DOCKER_RUNNER_PORT: "0",
    DOCKER_SOCKET: "unix:///run/x.sock",
    DOCKER_RUNNER_TLS_CERT: "c",
    DOCKER_RUNNER_TLS_KEY: "k",
    DOCKER_RUNNER_POLICY: "p.yml",
    DOCKER_RUNNER_LOG_LEVEL: "debug",
  };
  expect(readRunnerSettings(environment)).toEqual({
    host: "::",
    port: 0,
    sharedSecret: "s",
    socket: "/run/x.sock",
    tls: { certFile: "c", keyFile: "k" },
    policyFile: "p.yml",
    logLevel: "debug",
  });
});

test.each([
  ["DOCKER_RUNNER_PORT", ["65536", "-1", "1.5", "0x10", "port", " 1", "1e3"]],
  ["DOCKER_RUNNER_HOST", ["http://x", "a b"]],
  ["DOCKER_SOCKET", ["docker.sock", "tcp://x:1"]],
  ["DOCKER_RUNNER_LOG_LEVEL", ["loud", "INFO"]],
] as const)("readRunnerSettings() refuses what makes no sense and names %s", (variable, values) => {
  for (const value of values)
    expect(() => readRunnerSettings({ ...secret, [variable]: value })).toThrow(
      `Cannot start the runner: ${variable} `,
    );
});

test("readRunnerSettings() wants certificate and key together", () => {
  expect(() => readRunnerSettings({ ...secret, DOCKER_RUNNER_TLS_CERT: "c" })).toThrow(
    /DOCKER_RUNNER_TLS_CERT is set and DOCKER_RUNNER_TLS_KEY is not/,
  );
  expect(() => readRunnerSettings({ ...secret, DOCKER_RUNNER_TLS_KEY: "k" })).toThrow(
    /DOCKER_RUNNER_TLS_KEY is set and DOCKER_RUNNER_TLS_CERT is not/,
  );
});
