import { expect, test } from "vitest";
import { outputsOf } from "./outputs.ts";
import { containerOf, resolveOne, resources } from "./stack.test.support.ts";

const one = (text: string, options = {}) => resolveOne(resources(`{ db: { ${text} } }`), "db", options);

test.each([
  ["postgres: {}", "postgres:16-alpine"],
  ["postgres:", "postgres:16-alpine"],
  ["postgres: { version: 15 }", "postgres:15-alpine"],
  ["postgres: { version: 15, image: 'my/pg:1' }", "my/pg:1"],
  ["mysql: {}", "mysql:8.4"],
  ["mariadb: {}", "mariadb:11"],
  ["redis: {}", "redis:7-alpine"],
  ["redis: { version: '8' }", "redis:8-alpine"],
])("the image of %s is %s", (text, reference) => {
  expect(containerOf(one(text)).image).toEqual({ type: "pull", reference, policy: "missing" });
});

test("a postgres has its own database, a password that is generated, and a volume that is kept", () => {
  const resolved = one("postgres: {}");
  expect(containerOf(resolved)).toMatchObject({
    spec: {
      env: { POSTGRES_DB: "db", POSTGRES_USER: "postgres", POSTGRES_PASSWORD: "generated-db" },
      ports: [],
      mounts: [{ type: "volume", source: "shop_db", target: "/var/lib/postgresql/data", readOnly: false }],
      logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } },
    },
    volumes: ["shop_db"],
  });
  expect(resolved.secrets).toEqual(["generated-db"]);
  expect(resolved.ready).toMatchObject({
    type: "exec",
    command: ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "db"],
  });
});

test("everything of a postgres can be given", () => {
  const text =
    "postgres: { database: app, user: me, password: 'p/w', port: 15432, volume: pgdata, init: ./sql, env: { TZ: UTC } }";
  const resolved = one(text);
  expect(containerOf(resolved)).toMatchObject({
    spec: {
      env: { POSTGRES_DB: "app", POSTGRES_USER: "me", POSTGRES_PASSWORD: "p/w", TZ: "UTC" },
      ports: [{ hostIp: "127.0.0.1", hostPort: 15432, containerPort: 5432, protocol: "tcp" }],
      mounts: [
        { type: "volume", source: "shop_pgdata" },
        { type: "bind", source: "/m/sql", target: "/docker-entrypoint-initdb.d", readOnly: true },
      ],
    },
    volumes: ["shop_pgdata"],
  });
  expect(outputsOf(resolved, undefined, "container")).toEqual({
    host: "db",
    port: "5432",
    user: "me",
    password: "p/w",
    database: "app",
    url: "postgres://me:p%2Fw@db:5432/app",
  });
});

test("outputs carry the resolved password, also one from a variable", () => {
  const resolved = one("postgres: { password: '${env.PW}' }", { env: { PW: "from env" } });
  expect(outputsOf(resolved, undefined, "container")).toMatchObject({
    password: "from env",
    url: "postgres://postgres:from%20env@db:5432/db",
  });
  expect(resolved.secrets).toEqual(["from env"]);
});

test.each(["postgres", "mysql", "mariadb", "redis"])("%s without a volume mounts nothing", (kind) => {
  expect(containerOf(one(`${kind}: { volume: false }`))).toMatchObject({ spec: { mounts: [] }, volumes: [] });
});

test("postgres from 18 on keeps its data one folder higher", () => {
  expect(containerOf(one("postgres: { version: '18' }")).spec.mounts).toMatchObject([
    { target: "/var/lib/postgresql" },
  ]);
});

test.each([
  ["mysql", "MYSQL", "mysql"],
  ["mariadb", "MARIADB", "mariadb"],
])("%s is checked with a query, its password by environment", (kind, prefix, client) => {
  const root = one(`${kind}: {}`);
  const user = one(`${kind}: { user: me, database: app }`);
  expect(containerOf(root).spec.env).toEqual({
    [`${prefix}_DATABASE`]: "db",
    [`${prefix}_ROOT_PASSWORD`]: "generated-db",
  });
  expect(containerOf(user).spec.env).toMatchObject({
    [`${prefix}_USER`]: "me",
    [`${prefix}_PASSWORD`]: "generated-db",
  });
  expect(user.ready).toMatchObject({
    command: [
      "sh",
      "-c",
      `MYSQL_PWD="$${prefix}_PASSWORD" ${client} -h 127.0.0.1 -u "$${prefix}_USER" -e "select 1" >/dev/null`,
    ],
  });
  expect(outputsOf(root, undefined, "container")["url"]).toBe("mysql://root:generated-db@db:3306/db");
});

test("a redis password stands in no argument", () => {
  const resolved = one(`redis: { password: 'a"b\\c' }`);
  const { spec } = containerOf(resolved);
  expect(JSON.stringify([spec.command, resolved.ready, spec.healthcheck])).not.toContain("a\\");
  expect(spec.env["LASH_REDIS_CONFIG"]?.split("\n")[0]).toBe('requirepass "a\\"b\\\\c"');
  expect(spec.command?.[2]).toContain("exec docker-entrypoint.sh redis-server -");
  expect(spec.healthcheck?.test).toContain(
    'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -h 127.0.0.1 ping 2>/dev/null | grep -q PONG',
  );
});

test("a redis with an empty password has none", () => {
  const resolved = one("redis: { password: '' }");
  expect(containerOf(resolved).spec).toMatchObject({ command: undefined, env: {} });
  expect(outputsOf(resolved, undefined, "container")).toEqual({
    host: "db",
    port: "6379",
    password: "",
    url: "redis://db:6379",
  });
  expect(resolved.secrets).toEqual([]);
});

test("a declared healthcheck takes the place of the built-in one", () => {
  const resolved = one("postgres: { healthcheck: { test: 'true' } }");
  expect(resolved.ready).toEqual({ type: "healthcheck" });
  expect(containerOf(resolved).spec.healthcheck?.test).toEqual(["CMD-SHELL", "true"]);
});
