import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { useBed } from "./bed.ts";
import { callEngine, startDocker, startPodman } from "./engine.ts";
import { run, runOrThrow, waitFor } from "./processes.ts";
import { registryLogin, startRegistry } from "./registry.ts";
import { openSmallDisk } from "./small-disk.ts";
import { startSocketProxy } from "./socket-proxy.ts";

const bed = useBed();
const made: string[] = [];

function docker(...args: string[]): Promise<string> {
  return runOrThrow(["docker", ...args], { env: bed.env });
}

async function startContainer(...args: string[]): Promise<string> {
  const name = `bed-test-${randomBytes(4).toString("hex")}`;
  made.push(name);
  await docker("run", "--detach", "--name", name, ...args);
  return name;
}

/** Repeats a command in a container until it exits with 0; returns its output. */
function untilWorks(name: string, ...command: string[]): Promise<string> {
  return waitFor(
    async () => {
      const { code, stdout } = await run(["docker", "exec", name, ...command], { env: bed.env });
      return code === 0 ? stdout : undefined;
    },
    { timeoutMs: 20_000, everyMs: 50, describe: async () => `never ready:\n${await docker("logs", name)}` },
  );
}

afterAll(async () => {
  if (made.length > 0) {
    await docker("rm", "--force", "--volumes", ...made);
  }
});

describe("images", () => {
  test("postgres becomes ready, runs its init folder and answers SQL", async () => {
    const name = `bed-test-${randomBytes(4).toString("hex")}`;
    made.push(name);
    const env = ["POSTGRES_PASSWORD=it's", "POSTGRES_USER=app", "POSTGRES_DB=my-app"].flatMap((one) => [
      "--env",
      one,
    ]);
    await docker("create", "--name", name, ...env, "postgres:16-alpine");
    const script = "create table seeded as select 42 as n;";
    const pack = `mkdir -p d && echo "${script}" > d/1.sql && echo 'echo from-shell >/tmp/shell' > d/2.sh && echo 'insert into seeded values (43)' | gzip > d/3.sql.gz`;
    await runOrThrow(
      [
        "sh",
        "-c",
        `cd $(mktemp -d) && ${pack} && docker cp d/. ${name}:/docker-entrypoint-initdb.d && rm -r "$PWD"`,
      ],
      {
        env: bed.env,
      },
    );
    await docker("start", name);
    await untilWorks(name, "pg_isready", "--host", "127.0.0.1");
    const sql = ["psql", "-h", "127.0.0.1", "-U", "app", "-d", "my-app", "-Atc", "select sum(n) from seeded"];
    expect((await docker("exec", "--env", "PGPASSWORD=it's", name, ...sql)).trim()).toBe("85");
    expect(await docker("exec", name, "cat", "/tmp/shell")).toBe("from-shell\n");
    // Loopback is trusted, as in the official image; from elsewhere the password counts.
    const outside = sql.map((word) => (word === "127.0.0.1" ? "$(hostname -i)" : `"${word}"`)).join(" ");
    const wrong = ["docker", "exec", "--env", "PGPASSWORD=no", name, "sh", "-c", outside];
    expect((await run(wrong, { env: bed.env })).stderr).toContain("password authentication failed");
    await docker("stop", name);
    expect((await docker("inspect", "--format", "{{.State.ExitCode}}", name)).trim()).toBe("0");
    await docker("start", name);
    await untilWorks(name, "pg_isready", "--host", "127.0.0.1");
    expect((await docker("exec", "--env", "PGPASSWORD=it's", name, ...sql)).trim()).toBe("85");
  });

  test("redis answers PING, with a password when it has one", async () => {
    const name = await startContainer("redis:7-alpine", "--requirepass", "s3");
    expect(await untilWorks(name, "redis-cli", "-a", "s3", "ping")).toBe("PONG\n");
    expect(await docker("exec", name, "redis-cli", "ping")).toContain("NOAUTH");
  });

  test("mariadb becomes ready with the user and database that were asked for", async () => {
    const env = ["MARIADB_ROOT_PASSWORD=r'oot", "MYSQL_DATABASE=a_b", "MYSQL_USER=u", "MYSQL_PASSWORD=p"];
    const name = await startContainer(...env.flatMap((one) => ["--env", one]), "mariadb:11");
    await untilWorks(name, "mariadb-admin", "-h127.0.0.1", "-uu", "-pp", "ping");
    const sql = "create table t (n int); insert into t values (7); select n from t";
    expect(await docker("exec", name, "mariadb", "-h127.0.0.1", "-uu", "-pp", "-N", "a_b", "-e", sql)).toBe(
      "7\n",
    );
    await docker("exec", name, "mariadb", "-h127.0.0.1", "-uroot", "-pr'oot", "-e", "select 1");
  });

  test("postgres without a password says what is missing", async () => {
    const name = await startContainer("postgres:16-alpine");
    expect((await docker("wait", name)).trim()).toBe("1");
    const { stderr } = await run(["docker", "logs", name], { env: bed.env });
    expect(stderr).toContain("superuser password is not specified");
  });

  test("open-port says to the millisecond when its port opened", async () => {
    const before = Date.now();
    const name = await startContainer(
      "--publish",
      "127.0.0.1::8080",
      "lash-base:1",
      "open-port",
      "8080",
      "0.2",
    );
    const line = await waitFor(
      async () => /opened 8080 (\d{13})/.exec(await docker("logs", name)) ?? undefined,
      {
        timeoutMs: 10_000,
        describe: () => "no line",
      },
    );
    expect(Number(line[1])).toBeGreaterThan(before);
    expect(Number(line[1])).toBeLessThanOrEqual(Date.now());
    const port = (await docker("port", name, "8080")).trim();
    expect(await (await fetch(`http://${port}/`)).text()).toBe("ok\n");
  });
});

describe("registry", () => {
  test("an image comes back after a push; a limit reaches the puller as the engine's words", async () => {
    await using registry = await startRegistry();
    const name = await registry.push(bed.socket, "lash-base:1", "team/base:1");
    const pull = `/images/create?fromImage=${encodeURIComponent(name)}`;
    await registry.faults.set({ mode: "too-many-requests" });
    const limited = await callEngine(bed.socket, pull, { method: "POST" });
    expect(limited.text).toContain("toomanyrequests");
    await registry.faults.set({ mode: "pass" });
    try {
      expect((await callEngine(bed.socket, pull, { method: "POST" })).text).toContain(
        "Downloaded newer image",
      );
      expect((await docker("image", "inspect", "--format", "{{.Id}}", name)).trim()).toMatch(/^sha256:/);
    } finally {
      await docker("rmi", name);
    }
    await registry.faults.set({ mode: "manifest-missing" });
    expect((await callEngine(bed.socket, pull, { method: "POST" })).text).toContain("manifest unknown");
    await registry.faults.set({ mode: "closed" });
    expect((await callEngine(bed.socket, pull, { method: "POST" })).text).toContain("connection refused");
  });

  test("a locked registry lets only the login in", async () => {
    await using registry = await startRegistry({ auth: true });
    const name = await registry.push(bed.socket, "lash-base:1", "team/base:1");
    const refused = await callEngine(bed.socket, `/images/create?fromImage=${encodeURIComponent(name)}`, {
      method: "POST",
    });
    expect(refused.text).toContain("no basic auth credentials");
    const { username, password } = registryLogin;
    const login = ["login", "--username", username, "--password-stdin", registry.address];
    const DOCKER_CONFIG = await mkdtemp(join(tmpdir(), "lash-bed-test-"));
    const tried = await run(["docker", ...login], { env: { ...bed.env, DOCKER_CONFIG }, input: password });
    await rm(DOCKER_CONFIG, { recursive: true });
    expect(tried.stdout).toContain("Login Succeeded");
  });
});

describe("socket proxy", () => {
  test("counts calls and passes hijacked streams, uploads and events", async () => {
    await using proxy = await startSocketProxy({ target: bed.socket });
    const env = { ...bed.env, DOCKER_HOST: `unix://${proxy.socket}` };
    const echoed = await run(["docker", "run", "--rm", "--interactive", "lash-base:1", "cat"], {
      env,
      input: "through\n",
    });
    expect(echoed).toEqual({ code: 0, stdout: "through\n", stderr: "" });
    const bytes = 20_000_000;
    const counted = ["docker", "run", "--rm", "--interactive", "lash-base:1", "sh", "-c", "wc -c"];
    expect((await run(counted, { env, input: "x".repeat(bytes) })).stdout.trim()).toBe(String(bytes));
    expect(proxy.counts()["POST /containers/create"]).toBe(2);
    expect(proxy.calls.find(({ path }) => path === "/containers/create")?.status).toBe(201);
    const saved = `docker save lash-base:1 | docker load`;
    expect((await run(["sh", "-c", saved], { env })).stdout).toContain("Loaded image");
    expect(proxy.count({ method: "POST", path: "/images/load" })).toBe(1);
  });

  test("fails exactly where it is told", async () => {
    await using proxy = await startSocketProxy({ target: bed.socket });
    const ping = (timeoutMs = 5000) => callEngine(proxy.socket, "/_ping", { timeoutMs });
    const planned = proxy.fault({ when: { path: "/_ping" }, nth: 2, do: { action: "cut-before" } });
    expect((await ping()).status).toBe(200);
    await expect(ping()).rejects.toThrow(/hang up|ECONNRESET/);
    expect((await ping()).status).toBe(200);
    expect(planned.hits).toBe(1);
    proxy.fault({
      when: { path: "/_ping" },
      do: { action: "answer", status: 503, body: { message: "busy" } },
    });
    expect(await ping()).toMatchObject({ status: 503, text: '{"message":"busy"}' });
    for (const action of ["cut-after", "half-close"] as const) {
      proxy.fault({ when: { path: "/_ping" }, do: { action } });
      await expect(ping()).rejects.toThrow(/hang up|ECONNRESET/);
      expect(proxy.calls.at(-1)?.status).toBe(200);
    }
    proxy.fault({ when: { path: "/_ping" }, do: { action: "hang" } });
    await expect(ping(100)).rejects.toThrow("no answer");
    proxy.fault({ when: { path: "/_ping" }, do: { action: "delay", delayMs: 120 } });
    const started = performance.now();
    await ping();
    expect(performance.now() - started).toBeGreaterThan(115);
  });

  test("pauses, cuts and comes back", async () => {
    await using proxy = await startSocketProxy({ target: bed.socket });
    const ping = (timeoutMs = 5000) => callEngine(proxy.socket, "/_ping", { timeoutMs });
    proxy.pauseAll();
    await expect(ping(100)).rejects.toThrow("no answer");
    proxy.resume();
    expect((await ping()).status).toBe(200);
    const events = callEngine(proxy.socket, "/events", { timeoutMs: 20_000 });
    await proxy.waitForCall({ path: "/events" });
    await Promise.all([expect(events).rejects.toThrow(/hang up|ECONNRESET|aborted/), proxy.cutAll()]);
    await expect(ping()).rejects.toThrow("ECONNREFUSED");
    await proxy.restore();
    expect((await ping()).status).toBe(200);
    await proxy.cutAll({ as: "missing" });
    await expect(ping()).rejects.toThrow("ENOENT");
  });
});

describe("private engines", () => {
  test("engine 28 runs a container", async () => {
    await using engine = await startDocker({ version: "28" });
    expect(engine.version).toMatch(/^28\./);
    await engine.loadImages("base");
    expect(await runOrThrow(["docker", "run", "--rm", "alpine:3", "echo", "hi"], { env: engine.env })).toBe(
      "hi\n",
    );
  });

  test("podman runs a container and reaches it in its own network", async () => {
    await using engine = await startPodman();
    expect(engine.version).toBe("4.3.1");
    await engine.loadImages("base");
    const { env } = engine;
    await runOrThrow(
      ["docker", "run", "-d", "--name", "web", "-p", "8080:80", "lash-base:1", "open-port", "80"],
      { env },
    );
    const page = await waitFor(
      async () => {
        const { code, stdout } = await engine.nsenter([
          "bash",
          "-c",
          "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3",
        ]);
        return code === 0 && stdout !== "" ? stdout : undefined;
      },
      { timeoutMs: 10_000, describe: () => "no page" },
    );
    expect(page).toContain("ok");
    expect(await runOrThrow(["docker", "exec", "web", "id", "-u"], { env })).toBe("0\n");
  });

  test("an engine comes back after SIGTERM with its images and without its own network", async () => {
    await using engine = await startDocker();
    await engine.loadImages("base");
    const pid = engine.pid;
    await engine.restart();
    expect(engine.pid).not.toBe(pid);
    expect(await runOrThrow(["docker", "image", "ls", "--quiet", "lash-base"], { env: engine.env })).not.toBe(
      "",
    );
    expect((await engine.nsenter(["ip", "-br", "link", "show", "docker0"])).stdout).toContain("docker0");
  });

  test("an engine on a full disk says so and works again when there is room", async () => {
    await using disk = await openSmallDisk({ megabytes: 100 });
    await using engine = await startDocker({ dataRoot: disk.path });
    await engine.loadImages("base");
    await disk.fill();
    const create = ["docker", "create", "lash-base:1"];
    expect((await run(create, { env: engine.env })).stderr).toContain("no space left on device");
    await disk.free();
    expect((await run(create, { env: engine.env })).code).toBe(0);
  });
});
