import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDocker } from "../../src/drivers/docker/docker.ts";
import { unixEndpoint } from "../../src/drivers/engine-api/endpoint.ts";
import { label } from "../../src/model/labels.ts";
import { useBed } from "../bed/bed.ts";

const root = join(import.meta.dirname, "..", "..");
const lash = join(root, "dist", "cli", "main.js");
/** An example is up within ten seconds; a busy machine may need several times as long. */
const upMs = 60_000;

test("examples/hello runs on nothing but Node and ends on SIGINT", { timeout: 2 * upMs }, async () => {
  // No engine can be found with these: the example must not look for one.
  await using example = await copyOf("hello", { DOCKER_HOST: "unix:///nowhere.sock" });
  const up = await example.up("http://127.0.0.1:8402");
  expect(up.addresses).toEqual(["http://127.0.0.1:8401", "http://127.0.0.1:8402"]);
  expect(await textAt("http://127.0.0.1:8401/")).toBe("Hello, world!\n");
  expect(await textAt("http://127.0.0.1:8402/")).toContain("<p>Hello, world!</p>");
  expect(await up.interrupt()).toBe(0);
  await expect(fetch("http://127.0.0.1:8401/")).rejects.toThrow("fetch failed");
  const { stdout } = await example.run("--json", "ps");
  expect(JSON.parse(stdout)).toMatchObject([{ status: "stopped" }, { status: "stopped" }]);
});

test("examples/full-stack runs every kind it shows and leaves nothing", { timeout: 3 * upMs }, async () => {
  const bed = useBed();
  await using example = await copyOf("full-stack", bed.env);
  await using engine = openDocker(unixEndpoint(bed.socket));
  const up = await example.up("http://127.0.0.1:8404");
  try {
    expect(up.addresses).toContain("http://127.0.0.1:8403");
    expect(await textAt("http://127.0.0.1:8403/")).toMatch(
      /^anchor 80\.00\nlamp 24\.90\nrope 12\.50\nvisits \d+\n$/,
    );
    expect(await textAt("http://127.0.0.1:8404/")).toContain("rope 12.50");
    expect(await up.interrupt()).toBe(0);
  } finally {
    await example.run("down", "--volumes");
    await engine.images?.remove("lash/full-stack-api:latest", { signal: AbortSignal.timeout(10_000) });
  }
  expect(await remains(engine, "full-stack")).toEqual([]);
});

test("examples/lightshuttle runs a lightshuttle.yml as it is and leaves nothing", {
  timeout: 3 * upMs,
}, async () => {
  const bed = useBed();
  await using example = await copyOf("lightshuttle", bed.env);
  await using engine = openDocker(unixEndpoint(bed.socket));
  const up = await example.up("http://127.0.0.1:8406");
  try {
    expect(up.addresses).toContain("http://127.0.0.1:8405");
    expect(await textAt("http://127.0.0.1:8405/")).toContain("a lightshuttle.yml");
    expect(await textAt("http://127.0.0.1:8406/cgi-bin/visits")).toMatch(/^visits \d+\n$/);
    expect(await up.interrupt()).toBe(0);
  } finally {
    await example.run("down", "--volumes");
    await engine.images?.remove("lash/shuttle-counter:latest", { signal: AbortSignal.timeout(10_000) });
  }
  expect(await remains(engine, "shuttle")).toEqual([]);
});

test("examples/platform serves before, while and after its runner is away, and leaves nothing", {
  timeout: 3 * upMs,
}, async () => {
  const bed = useBed();
  await using example = await copyOf("platform", { ...bed.env, LASH: lash, DOCKER_SOCKET: bed.socket });
  await using engine = openDocker(unixEndpoint(bed.socket));
  const up = await example.up("http://127.0.0.1:8408");
  const containers = "http://127.0.0.1:8407/api/containers";
  try {
    // The first line is the point: the server was ready, and asked, before there was a runner.
    const done = /^503 docker-runner not ready.*\n201 container running\n200 order 7 is packed\n204 .*\n$/;
    await expect.poll(() => textAt("http://127.0.0.1:8410/"), { timeout: upMs }).toMatch(done);
    await example.run("stop", "runner");
    const refused = await fetch(containers);
    expect([refused.status, await refused.json()]).toEqual([
      503,
      { error: { code: "docker_runner_not_ready", message: "docker-runner not ready" } },
    ]);
    expect(await textAt("http://127.0.0.1:8407/health/ready")).toContain('"status":"ok"');
    await example.run("start", "runner");
    await expect.poll(async () => (await fetch(containers)).status, { timeout: upMs }).toBe(200);
    expect(await up.interrupt()).toBe(0);
  } finally {
    await example.run("down", "--volumes");
  }
  expect(await remains(engine, "platform")).toEqual([]);
});

interface Up {
  /** Addresses it printed. */
  readonly addresses: readonly string[];
  /** Sends SIGINT and resolves with the exit code. */
  interrupt(): Promise<number | null>;
}

interface Example extends AsyncDisposable {
  /** Starts `lash up` and resolves once it has said that everything is ready and printed this address, its last. */
  up(lastAddress: string): Promise<Up>;
  run(...argv: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string }>;
}

/** The example in a folder of its own, so that nothing is written into the checkout. */
async function copyOf(name: string, env: Readonly<Record<string, string>>): Promise<Example> {
  const folder = await mkdtemp(join(tmpdir(), "lash-example-"));
  const skipState = (source: string): boolean => !source.includes("/.lash");
  await cp(join(root, "examples", name), folder, { recursive: true, filter: skipState });
  const children: ChildProcess[] = [];
  const start = (
    argv: readonly string[],
  ): { child: ChildProcess; output: { stdout: string; stderr: string } } => {
    const child = spawn(process.execPath, [lash, ...argv], { cwd: folder, env: { ...process.env, ...env } });
    const output = { stdout: "", stderr: "" };
    child.stdout?.on("data", (data: Buffer) => (output.stdout += data.toString()));
    child.stderr?.on("data", (data: Buffer) => (output.stderr += data.toString()));
    children.push(child);
    return { child, output };
  };
  return {
    async up(lastAddress) {
      const { child, output } = start(["up"]);
      const closed = once(child, "close");
      const deadline = AbortSignal.timeout(upMs);
      const done = new RegExp(`ready in [^]*^  \\S+ +${lastAddress}$`, "m");
      while (!done.test(output.stderr)) {
        if (deadline.aborted || child.exitCode !== null) throw new Error(`not up: ${output.stderr}`);
        const more = once(child.stderr ?? child, "data", { signal: deadline }).catch(() => {});
        await Promise.race([more, closed]);
      }
      return {
        addresses: [...output.stderr.matchAll(/^ {2}\S+ +(\S+)$/gm)].map(([, address = ""]) => address),
        async interrupt() {
          child.kill("SIGINT");
          await closed;
          return child.exitCode;
        },
      };
    },
    async run(...argv) {
      const { child, output } = start(argv);
      await once(child, "close");
      return { code: child.exitCode, stdout: output.stdout };
    },
    async [Symbol.asyncDispose]() {
      const alive = children.filter((child) => child.exitCode === null && child.signalCode === null);
      for (const child of alive) child.kill("SIGKILL");
      const { child } = start(["down", "--volumes"]);
      await once(child, "close");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function textAt(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  expect(response.status).toBe(200);
  return await response.text();
}

async function remains(engine: ReturnType<typeof openDocker>, project: string): Promise<readonly string[]> {
  const options = { signal: AbortSignal.timeout(10_000) };
  const filter = { [label.project]: project };
  const containers = await engine.list(filter, options);
  const networks = await engine.networks?.list(filter, options);
  const volumes = await engine.volumes?.list(filter, options);
  return [...containers, ...(networks ?? []), ...(volumes ?? [])].map(({ name }) => name);
}
