import { expect, test } from "vitest";
import { bringDown, freePort, openProject, statuses, web } from "../support/cli.ts";

test("a native process reaches a container on loopback, and a container reaches the process by the host's name", async () => {
  const port = await freePort();
  await using project = await openProject({
    resources: `
  page: ${web(0, 'ports: ["0:80"], ready: { tcp: 80 }')}
  cache: { redis: { volume: false } }
  relay:
    process:
      command: [node, relay.js]
      port: ${port}
      env: { PAGE: "\${resources.page.url}", CACHE: "\${resources.cache.host}:\${resources.cache.port}" }
      ready: { http: / }
  client:
    task:
      image: "lash-base:1"
      command: 'wget -q -O - "$LSH_RELAY_URL" | grep "relayed ok"'
      depends_on: [relay]`,
  });
  await project.write(
    "relay.js",
    `const { createServer } = require("node:http");
const { connect } = require("node:net");
const [host, port] = process.env.CACHE.split(":");
createServer(async (_, answer) => {
  const page = await (await fetch(process.env.PAGE)).text();
  connect({ host, port }, function () {
    this.end();
    answer.end("relayed " + page);
  }).on("error", (error) => answer.writeHead(500).end(String(error)));
}).listen(${port}, "0.0.0.0");
`,
  );
  await project.ok(["up", "-d"]);
  expect(await statuses(project)).toEqual(["page ready", "cache ready", "relay ready", "client completed"]);
  const { Ports: ports } = (await project.inspect("cache")).NetworkSettings;
  expect(ports["6379/tcp"]?.map(({ HostIp }) => HostIp)).toEqual(["127.0.0.1"]);
  await bringDown(project);
  expect(await project.processes()).toEqual([]);
});

test("native processes outlive a killed `up`; the next one adopts them, and down ends them", async () => {
  await using project = await openProject({
    resources: `  api: { process: { command: [node, -e, "console.log('here'); setInterval(() => {}, 1000)"], ready: { log: "^here" } } }`,
  });
  const killed = project.start(["up", "--json"]);
  await killed.event("stack_started");
  const before = await project.processes();
  killed.signal("SIGKILL");
  await killed.ended;
  const again = await project.ok(["up", "-d", "--json"]);
  expect(again.stdout).toContain('"adopted":true');
  const after = await project.processes();
  expect(before.filter((pid) => pid !== killed.pid)).toEqual(after);
  await project.ok(["down"]);
  expect(await project.processes()).toEqual([]);
});

test("an external resource is waited for, its outputs reach dependents, and down leaves it alone", async () => {
  await using owner = await openProject({
    resources: `  page: ${web(0, 'ports: ["0:80"], ready: { tcp: 80 }')}`,
  });
  await owner.ok(["up", "-d"]);
  const port = (await owner.inspect("page")).NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort;
  await using project = await openProject({
    resources: `
  page: { external: { host: 127.0.0.1, port: ${port}, url: "http://127.0.0.1:${port}", ready: { http: / } } }
  api: { container: { image: "lash-base:1", command: [open-port, "80"], env: { PAGE: "\${resources.page.url}" } } }`,
  });
  await project.ok(["up", "-d"]);
  expect((await project.inspect("api")).Config.Env).toContain(`PAGE=http://127.0.0.1:${port}`);
  await bringDown(project);
  expect((await owner.container("page")).state).toBe("running");

  const nobody = await freePort();
  await project.manifest(
    `  page: { external: { host: 127.0.0.1, port: ${nobody}, ready: { tcp: ${nobody}, timeout: 500ms } } }`,
  );
  expect((await project.ok(["up", "-d"], { code: 1 })).stderr).toContain('"page"');
});

// The engine is opened first, so without one this ends with 3.
test("a missing variable is told before an engine is looked for", async () => {
  await using project = await openProject({
    env: { DOCKER_HOST: "unix:///nowhere/docker.sock" },
    resources: '  api: { container: { image: "x:1", env: { A: "${env.NOT_SET}", B: "${env.NOR_THIS}" } } }',
  });
  const result = await project.ok(["up"], { code: 2 });
  expect(result.stderr).toContain("NOT_SET");
  expect(result.stderr).toContain("NOR_THIS");
});
