import { connect } from "node:net";
import { expect, test } from "vitest";
import { bringDown, freePort, openProject, web } from "../support/cli.ts";

const ask = (url: string, sql: string): string =>
  `{ task: { image: "postgres:16-alpine", command: [psql, -v, ON_ERROR_STOP=1, "${url}", -c, "${sql}"] } }`;

test("a kept volume still opens over three up and down: the generated password is stable, and psql connects", async () => {
  await using project = await openProject({
    resources: `
  db: { postgres: {} }
  note: ${ask("${resources.db.url}", "create table if not exists notes (id int); insert into notes values (1)")}`,
  });
  for (let round = 1; round <= 3; round += 1) {
    await project.ok(["up", "-d"]);
    const count = await project.ok([
      "exec",
      "-T",
      "db",
      "psql",
      "-U",
      "postgres",
      "-d",
      "db",
      "-tAc",
      "select count(*) from notes",
    ]);
    expect(count.stdout.trim(), `round ${round}`).toBe(String(round));
    await bringDown(project);
    expect(await project.volumes()).toEqual([`${project.name}_db`]);
  }
  await bringDown(project, ["--volumes"]);
  expect(await project.volumes()).toEqual([]);
});

test("psql connects with resources.db.url when the password from the environment has reserved characters", async () => {
  const password = "p@ss/w:rd?#[]%&=+ ü'";
  await using project = await openProject({
    env: { DB_PASSWORD: password },
    resources: `
  db: { postgres: { password: "\${env.DB_PASSWORD}", volume: false, user: app, database: shop } }
  client: ${ask("${resources.db.url}", "select 1")}
  raw:
    task:
      image: "postgres:16-alpine"
      command: [psql, -h, "\${resources.db.host}", -U, app, -d, shop, -c, "select 1"]
      secrets: { PGPASSWORD: "\${resources.db.password}" }
  injected:
    task: { image: "postgres:16-alpine", command: 'psql "$LSH_DB_URL" -c "select 1"', depends_on: [db] }
  wrong:
    task:
      image: "postgres:16-alpine"
      command: "PGPASSWORD=wrong psql -h db -U app -d shop -c 'select 1' 2>&1 | grep 'password authentication failed'"
      depends_on: [db]`,
  });
  const up = await project.ok(["up", "-d", "--json"]);
  for (const name of ["client", "raw", "injected", "wrong"]) {
    expect(up.stdout).toContain(`"type":"resource_completed","name":"${name}"`);
  }
  // What Lash prints never holds it.
  const config = await project.ok(["config"]);
  expect(`${up.stdout}${up.stderr}${config.stdout}`).not.toContain("p@ss/w:rd");
  await bringDown(project);
});

test("a managed port is published on 127.0.0.1 only, reachable there, and the server still listens on its own inside", async () => {
  const port = await freePort();
  await using project = await openProject({
    resources: `
  cache: { redis: { port: ${port}, password: sesame, volume: false } }
  inside: { task: { image: "redis:7-alpine", command: "REDISCLI_AUTH=sesame redis-cli -h cache -p 6379 ping | grep PONG", depends_on: [cache] } }`,
  });
  await project.ok(["up", "-d"]);
  const { Ports: ports } = (await project.inspect("cache")).NetworkSettings;
  expect(ports["6379/tcp"]).toEqual([{ HostIp: "127.0.0.1", HostPort: String(port) }]);
  expect(await exchange(port, "AUTH sesame\r\nPING\r\n")).toContain("+PONG");
  expect((await project.ok(["port", "cache", "6379"])).stdout).toBe(`127.0.0.1:${port}\n`);
  await bringDown(project);
});

test("two projects with a default Postgres and Redis do not collide", async () => {
  const resources = "  db: { postgres: { volume: false } }\n  cache: { redis: { volume: false } }";
  await using one = await openProject({ resources });
  await using two = await openProject({ resources });
  await Promise.all([one.ok(["up", "-d"]), two.ok(["up", "-d"])]);
  for (const project of [one, two]) {
    expect((await project.containers()).map(({ state }) => state)).toEqual(["running", "running"]);
  }
  await Promise.all([bringDown(one), bringDown(two)]);
});

test("mariadb starts on an empty volume, runs its init folder, and its client connects with the outputs", async () => {
  await using project = await openProject({
    resources: `
  db: { mariadb: { user: app, database: shop, volume: false, init: ./init } }
  client:
    task:
      image: "mariadb:11"
      command: 'mariadb -h "$LSH_DB_HOST" -P "$LSH_DB_PORT" -u "$LSH_DB_USER" -p"$LSH_DB_PASSWORD" "$LSH_DB_DATABASE" -e "select id from notes" | grep 7'
      depends_on: [db]`,
  });
  await project.write("init/1.sql", "create table notes (id int); insert into notes values (7);\n");
  await project.ok(["up", "-d"]);
  await bringDown(project);
});

test("a sibling resolves its peer by name, in both forms", async () => {
  await using project = await openProject({
    resources: `
  peer: ${web()}
  client:
    task:
      image: "lash-base:1"
      command: 'wget -q -O - http://peer:80/ | grep ok && wget -q -O - "http://$NAME:80/" | grep ok'
      env: { NAME: "\${project.name}_peer" }
      depends_on: [peer]`,
  });
  await project.ok(["up", "-d"]);
  await bringDown(project);
});

function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect({ host: "127.0.0.1", port });
    socket.setTimeout(5000, () => socket.destroy(new Error("no answer")));
    socket.setEncoding("utf8");
    socket.once("error", reject);
    socket.write(text);
    socket.on("data", (chunk: string) => {
      answer += chunk;
      if (answer.includes("PONG")) socket.destroy();
    });
    socket.once("close", () => resolve(answer));
  });
}
