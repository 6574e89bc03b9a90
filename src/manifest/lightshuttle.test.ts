import { expect, test } from "vitest";
import { outputsOf } from "./outputs.ts";
import { parseManifest } from "./parse.ts";
import { containerOf, messagesOf, resolveOne, resources, stackOf } from "./stack.test.support.ts";

const file = "/m/lightshuttle.yml";
const text = `lightshuttle: v0
project: { name: shop, version: 1.0.0 }
resources:
  api_db:
    postgres: { version: "15", database: api_db }
  cache:
    redis: {}
  api:
    container:
      image: ghcr.io/shop/api:1
      ports: [3000]
      env: { DATABASE_URL: "\${resources.api_db.url}" }
      depends_on: [cache]
dashboard: { port: 7777 }
observability: { otel: { enabled: false } }
export: { compose: {} }
`;

test("a lightshuttle.yml becomes the same stack as a lash.yml", () => {
  const stack = stackOf(text, { file });
  expect(stack).toMatchObject({ format: "lightshuttle", project: "shop" });
  expect(stack.resources.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    "api_db postgres",
    "cache redis",
    "api container",
  ]);
});

test("the format is known by its key too", () => {
  expect(stackOf(`lightshuttle: v0\n${resources("{}")}`).format).toBe("lightshuttle");
  expect(messagesOf(`lightshuttle: v1\n${resources("{}")}`)).toEqual([
    expect.stringContaining('expected format "v0"'),
  ]);
});

test("what is ignored is said with its position", () => {
  const { warnings } = parseManifest(text, file);
  expect(warnings.map(({ line, message }) => `${line} ${message}`)).toEqual([
    "14 dashboard: expected nothing here, found `dashboard`, which is ignored",
    "15 observability: expected nothing here, found `observability`, which is ignored",
    "16 export: expected nothing here, found `export`, which is ignored",
  ]);
});

test("a key of a resource that is not known is a warning there", () => {
  const manifest = parseManifest(resources("{ a: { container: { image: x, colour: red } } }"), file);
  expect(manifest.warnings).toMatchObject([{ path: "resources.a.container.colour" }]);
  expect(manifest.resources).toMatchObject([{ name: "a", broken: false }]);
});

test("a kind that the format does not have is refused", () => {
  expect(messagesOf(resources("{ a: { mysql: {} } }"), { file })).toEqual([
    'resources.a.mysql: expected one of postgres, redis, container, dockerfile, found unknown kind "mysql"',
  ]);
});

test("an unset port is any free host port, and a redis without password has none", () => {
  const db = resolveOne(text, "api_db", { file });
  const cache = resolveOne(text, "cache", { file });
  expect(containerOf(db).spec.ports).toEqual([
    { hostIp: "127.0.0.1", hostPort: 0, containerPort: 5432, protocol: "tcp" },
  ]);
  expect(containerOf(cache).spec.command).toBeUndefined();
  expect(outputsOf(cache, undefined, "container")["url"]).toBe("redis://cache:6379");
});

test("references resolve to the resource's name", () => {
  expect(containerOf(resolveOne(text, "api", { file })).spec.env["DATABASE_URL"]).toBe(
    "postgres://postgres:generated-api_db@api_db:5432/api_db",
  );
});
