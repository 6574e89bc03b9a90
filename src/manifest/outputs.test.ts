import { expect, test } from "vitest";
import type { PortMapping } from "../model/container-spec.ts";
import { injectedEnv, outputNames, outputsOf } from "./outputs.ts";
import { resolveOne, resources } from "./stack.test.support.ts";

const one = (text: string) => resolveOne(resources(`{ r: { ${text} } }`), "r");
const published = (hostPort: number, containerPort: number): PortMapping => ({
  hostIp: "127.0.0.1",
  hostPort,
  containerPort,
  protocol: "tcp",
});

test("a container is seen by its name and port inside, and by 127.0.0.1 and the host port outside", () => {
  const resolved = one("container: { image: x, ports: ['8081:80', '53:53/udp'] }");
  expect(outputsOf(resolved, undefined, "container")).toEqual({
    host: "r",
    ports: "80,53",
    port: "80",
    host_port: "8081",
    url: "http://r:80",
  });
  expect(outputsOf(resolved, undefined, "host")).toMatchObject({
    host: "127.0.0.1",
    port: "8081",
    url: "http://127.0.0.1:8081",
  });
});

test("a free host port is known once it is published", () => {
  const resolved = one("container: { image: x, ports: ['0:80'] }");
  expect(outputsOf(resolved, undefined, "host")).toEqual({ host: "127.0.0.1", ports: "80" });
  expect(outputsOf(resolved, undefined, "container")).not.toHaveProperty("host_port");
  expect(outputsOf(resolved, [published(32768, 80)], "host")).toMatchObject({
    port: "32768",
    host_port: "32768",
  });
  expect(outputsOf(resolved, [published(32768, 80)], "container")).toMatchObject({
    port: "80",
    host_port: "32768",
  });
});

test("what runs decides over what is declared", () => {
  const resolved = one("container: { image: x, ports: ['8081:80'] }");
  expect(outputsOf(resolved, [published(9999, 80)], "host")["port"]).toBe("9999");
  expect(outputsOf(resolved, [], "host")).not.toHaveProperty("port");
});

test("a container without ports has no port and no url", () => {
  expect(outputsOf(one("container: { image: x }"), [], "container")).toEqual({ host: "r", ports: "" });
});

test("a database that is not published has no port for a process", () => {
  const resolved = one("postgres: {}");
  expect(outputsOf(resolved, [], "host")).not.toHaveProperty("url");
  expect(outputsOf(resolved, [published(1234, 5432)], "host")["url"]).toBe(
    "postgres://postgres:generated-r@127.0.0.1:1234/r",
  );
});

test("a process is on the host", () => {
  const resolved = one("process: { command: [x], port: 5173 }");
  expect(outputsOf(resolved, undefined, "container")).toEqual({
    host: "host.docker.internal",
    port: "5173",
    url: "http://host.docker.internal:5173",
  });
  expect(outputsOf(resolved, undefined, "host")).toMatchObject({ host: "127.0.0.1", port: "5173" });
});

test("a task's exit code is known when it ended", () => {
  const resolved = one("task: { image: x }");
  expect(outputsOf(resolved, undefined, "container")).toEqual({});
  expect(outputsOf(resolved, [], "container")).toEqual({ exit_code: "0" });
});

test.each([
  ["{ host: api.example, port: 81 }", { host: "api.example", port: "81" }],
  [
    "{ url: 'https://u:p%40@api.example:8443/v1' }",
    { host: "api.example", port: "8443", url: "https://u:p%40@api.example:8443/v1" },
  ],
])("external %s gives what it was given", (text, outputs) => {
  expect(outputsOf(one(`external: ${text}`), undefined, "container")).toEqual(outputs);
});

test("an external URL's password is a secret", () => {
  expect(one("external: { url: 'https://u:p%40@api.example/' }").secrets).toEqual(["p@"]);
});

test("injectedEnv() names variables after resource and output", () => {
  expect(injectedEnv("my-db", { url: "u", host_port: "1" })).toEqual({
    LSH_MY_DB_URL: "u",
    LSH_MY_DB_HOST_PORT: "1",
  });
});

test.each(["container", "dockerfile", "process", "postgres", "mysql", "mariadb", "redis", "task"] as const)(
  "outputsOf() gives a running %s all that outputNames() promises",
  (kind) => {
    const body = {
      container: "{ image: x, ports: [80] }",
      dockerfile: "{ context: ., ports: [80] }",
      process: "{ command: [x], port: 80 }",
      task: "{ image: x }",
    };
    const text = kind in body ? body[kind as keyof typeof body] : "{ port: 80 }";
    const ports = [80, 5432, 3306, 6379].map((port) => published(80, port));
    expect(Object.keys(outputsOf(one(`${kind}: ${text}`), ports, "host")).sort()).toEqual(
      [...outputNames(kind)].sort(),
    );
  },
);
