import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { bringDown, openProject, type Project, statuses, web } from "../support/cli.ts";

const talker = `{ container: { image: "lash-base:1", command: "trap 'exit 0' TERM; echo marker one; echo marker two >&2; while :; do [ -e /tmp/more ] && rm /tmp/more && echo marker three; sleep 0.05; done" } }`;

/** One stack for every command that only looks at it. */
async function withStack(work: (project: Project) => Promise<void>): Promise<void> {
  await using project = await openProject({
    resources: `
  talker: ${talker}
  page: { container: { image: "lash-base:1", command: [open-port, "80"], ports: ["0:80"], ready: { http: /, port: 80 }, env: { COLOUR: blue } } }
  gone: { external: { host: 127.0.0.1, port: 9, url: "http://127.0.0.1:9" } }`,
  });
  await project.ok(["up", "-d"]);
  await work(project);
  await bringDown(project);
}

test("exec and run: exit codes, output, input; run leaves no container", async () => {
  await withStack(async (project) => {
    const executed = await project.ok(
      ["exec", "-T", "-e", "A=b", "-w", "/tmp", "page", "sh", "-c", "echo $A $COLOUR; pwd; exit 7"],
      { code: 7 },
    );
    expect(executed.stdout).toBe("b blue\n/tmp\n");
    const copied = await project.ok(["exec", "-T", "page", "cat"], { input: "through\nand back" });
    expect(copied.stdout).toBe("through\nand back");
    const once = await project.ok(["run", "page", "sh", "-c", "echo $COLOUR; echo err >&2; exit 3"], {
      code: 3,
    });
    expect(once).toMatchObject({ stdout: "blue\n", stderr: expect.stringContaining("err") });
    expect((await project.ok(["run", "page", "wget", "-q", "-O", "-", "http://page:80/"])).stdout).toBe(
      "ok\n",
    );
    expect(await project.containers()).toHaveLength(2);
    expect([126, 127]).toContain((await project.lash(["exec", "-T", "page", "/no/such/program"])).code);
  });
});

test("logs: marker, prefixes, tail, since, follow until interrupted", async () => {
  await withStack(async (project) => {
    const all = await project.ok(["logs"]);
    expect(all.stdout).toMatch(/^talker +\| marker one$/m);
    expect(all.stdout).toMatch(/^page +\| opened 80/m);
    expect((await project.ok(["logs", "--no-prefix", "talker"])).stdout).toMatch(
      /^(marker one\nmarker two\n|marker two\nmarker one\n)$/,
    );
    expect(
      (await project.ok(["logs", "--tail", "1", "--json", "talker"])).stdout.trim().split("\n"),
    ).toHaveLength(1);
    expect((await project.ok(["logs", "--since", "2100-01-01", "talker"])).stdout).toBe("");
    expect((await project.ok(["logs", "--since", "10m", "talker"])).stdout).toContain("marker one");
    const following = project.start(["logs", "-f", "--tail", "0", "talker"]);
    // It asks for what comes from now on, so give it time to be there.
    await sleep(700);
    await project.ok(["exec", "talker", "touch", "/tmp/more"]);
    await following.text(/marker three/);
    expect(following.stdout).not.toContain("marker one");
    following.signal("SIGINT");
    expect((await following.ended).code).toBe(0);
  });
});

test("port and ps", async () => {
  await withStack(async (project) => {
    const hostPort = (await project.inspect("page")).NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort;
    expect((await project.ok(["port", "page", "80"])).stdout).toBe(`127.0.0.1:${hostPort}\n`);
    expect(JSON.parse((await project.ok(["port", "page", "--json"])).stdout)).toEqual([
      { inside: "80/tcp", address: `127.0.0.1:${hostPort}` },
    ]);
    await project.ok(["port", "talker"], { code: 1 });
    const page = await (await fetch(`http://127.0.0.1:${hostPort}/`)).text();
    expect(page).toBe("ok\n");
    expect(await statuses(project)).toEqual(["talker ready", "page ready", expect.stringMatching(/^gone /)]);
    expect((await project.ok(["ps", "talker"])).stdout).toMatch(/talker +ready/);
  });
});

test("events --json tells what happens to the stack, also when another process supervises it", async () => {
  await withStack(async (project) => {
    const events = project.start(["events", "--json"]);
    await sleep(700);
    await project.ok(["restart", "talker"]);
    await events.event("resource_ready", "talker");
    events.signal("SIGINT");
    expect((await events.ended).code).toBe(0);
    const seqs = events.lines().map(({ seq }) => Number(seq));
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });
});

test("an unknown resource is a usage error that names the nearest, for every command that takes one", async () => {
  await using project = await openProject({ resources: `  worker: ${web()}` });
  const commands = [
    ["up"],
    ["ps"],
    ["logs"],
    ["restart"],
    ["stop"],
    ["start"],
    ["port"],
    ["exec"],
    ["run"],
    ["events"],
  ];
  const results = await Promise.all(
    commands.map(async ([command = ""]) => ({ command, ...(await project.lash([command, "wroker", "x"])) })),
  );
  for (const { command, code, stderr } of results) {
    expect(code, `${command}: ${stderr}`).toBe(2);
    expect(stderr, `of ${command}`).toContain("wroker");
    expect(stderr, `of ${command}`).toContain("worker");
  }
});

describe("secrets check", () => {
  const env = (...names: string[]): string =>
    `  api: { container: { image: "x:1", env: { ${names.map((name, index) => `V${index}: "\${${name}}"`).join(", ")} } } }`;
  const cases: readonly {
    readonly what: string;
    readonly resources: string;
    readonly file?: string;
    readonly vars?: Readonly<Record<string, string>>;
    readonly code: number;
    readonly says: RegExp;
  }[] = [
    { what: "no references", resources: env(), code: 0, says: /needs no variables/ },
    {
      what: "references in images count too",
      resources: '  api: { container: { image: "x:${env.TAG}" } }',
      code: 2,
      says: /TAG/,
    },
    { what: "missing", resources: env("env.A"), code: 2, says: /"A"/ },
    {
      what: "from the file beside the manifest",
      resources: env("env.A"),
      file: "A=1\n",
      code: 0,
      says: /env\.A +env-file/,
    },
    {
      what: "from the environment",
      resources: env("env.A"),
      vars: { A: "1" },
      code: 0,
      says: /env\.A +environment/,
    },
    { what: "an empty value is missing", resources: env("env.A"), vars: { A: "" }, code: 2, says: /"A"/ },
    { what: "a default", resources: env("env.A:-x"), code: 0, says: /env\.A +default/ },
    {
      what: "a default that is not needed",
      resources: env("env.A:-x"),
      vars: { A: "1" },
      code: 0,
      says: /env\.A +environment/,
    },
    { what: "one missing of two", resources: env("env.A", "env.B"), vars: { A: "1" }, code: 2, says: /"B"/ },
    {
      what: "all there",
      resources: env("env.A", "env.B"),
      vars: { A: "1" },
      file: "B=2\n",
      code: 0,
      says: /env\.B +env-file/,
    },
  ];
  test.concurrent.each(cases)("$what", async ({ resources, file, vars, code, says }) => {
    await using project = await openProject({ resources, env: { ...vars, DOCKER_HOST: "unix:///nowhere" } });
    if (file !== undefined) await project.write(".env", file);
    const result = await project.ok(["secrets", "check"], { code });
    expect(result.stdout + result.stderr).toMatch(says);
    expect(
      await project
        .ok(["secrets", "check", "--json"], { code })
        .then(({ stdout }) => typeof JSON.parse(stdout)),
    ).toBe("object");
  });

  // Node reads --env-file itself, wherever it stands: nodejs/node#54232.
  test("a named file that does not exist", async () => {
    await using project = await openProject({ resources: env("env.A") });
    const result = await project.ok(["--env-file", "none.env", "secrets", "check"], { code: 2 });
    expect(result.stderr).toContain("none.env");
  });
});
