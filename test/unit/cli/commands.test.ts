import { expect, test } from "vitest";
import type { StackHandle, SuperviseEnd } from "../../../src/app/types.ts";
import { LashError } from "../../../src/model/errors.ts";
import { runCommand, startCommand } from "./support/run-command.ts";
import { fakeApp, fakeHandle, shop } from "./support/stack.ts";

const untilAborted: Partial<StackHandle> = {
  supervise: ({ signal }) =>
    new Promise<SuperviseEnd>((resolve) => {
      signal.addEventListener("abort", () => resolve({ reason: "signal" }), { once: true });
    }),
};

test("up, piped: a line per change, the addresses, the logs on stdout", async () => {
  const { code, stdout, stderr } = await runCommand(["up"]);
  expect(code).toBe(0);
  expect(stderr).toBe(`- db   starting
v db   ready
- api  starting
v api  ready       http://127.0.0.1:8080
v 2 of 2 resources ready in 1.2 s
  api  http://127.0.0.1:8080
- brought down from elsewhere
`);
  expect(stdout).toBe("db  | ready to accept connections\napi | red\n");
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "up ends with 0 on %s once it was ready, after bringing the stack down",
  async (name) => {
    const { handle, calls } = fakeHandle(untilAborted);
    const running = startCommand(["up", "--grace", "3s"], { app: fakeApp(handle) });
    while (!calls.some(({ method }) => method === "supervise")) await new Promise(setImmediate);
    running.interrupt(name);
    expect(await running.done).toBe(0);
    const down = calls.find(({ method }) => method === "down")?.arguments[0] as {
      signal?: AbortSignal;
      graceMs: number;
    };
    expect(down.graceMs).toBe(3_000);
    expect(down.signal).toBeUndefined();
  },
);

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("up ends with its own code on %s before it is ready", async (name, code) => {
  const { handle } = fakeHandle({
    up: ({ signal } = {}) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      }),
  });
  const running = startCommand(["up"], { app: fakeApp(handle) });
  await new Promise(setImmediate);
  running.interrupt(name);
  expect(await running.done).toBe(code);
  expect(running.stderr.text).toBe(`error[cancelled] Interrupted by ${name} before it was done\n`);
});

test("up fails with 1 when everything has ended and something failed", async () => {
  const failures = [{ code: "crashed", subject: "api", message: "api crashed", evidence: "" }] as const;
  const { handle, calls } = fakeHandle({ supervise: async () => ({ reason: "all-ended", failures }) });
  const { code, stderr } = await runCommand(["up"], { app: fakeApp(handle) });
  expect(code).toBe(1);
  expect(stderr).toContain("x failed     crashed         api crashed\nerror[resource-failed]");
  expect(calls.map(({ method }) => method)).toContain("down");
});

test("up -d hands the stack to a supervisor with the same manifest and settings", async () => {
  const { handle, calls } = fakeHandle();
  let argv: readonly string[] = [];
  const app = fakeApp(handle, {
    async detachSupervisor(_handle, options) {
      argv = options.argv;
      return { pid: 4711, log: "/project/.lash/supervisor.log" };
    },
  });
  const { code, stderr } = await runCommand(["--project", "other", "up", "-d", "--profile", "dev"], { app });
  expect(code).toBe(0);
  expect(stderr).toContain("supervised in the background by process 4711, log in .lash/supervisor.log");
  expect(argv.join(" ")).toBe("node lash --file /project/lash.yml --project other --profile dev supervise");
  expect(calls.map(({ method }) => method)).not.toContain("supervise");
});

test("up --plan prints the plan and does nothing else", async () => {
  const { handle, calls } = fakeHandle();
  const { code, stdout, stderr } = await runCommand(["up", "--plan"], { app: fakeApp(handle) });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toBe(`#1 create-network  network lash-shop  absent
#2 create          resource db        absent; after #1
#3 create          resource api       absent; after #1, db ready
`);
  expect(calls.map(({ method }) => method)).toEqual(["plan"]);
});

test("a resource that is not in the manifest is named before anything starts", async () => {
  const { handle, calls } = fakeHandle();
  const { code, stderr } = await runCommand(["up", "dbb"], { app: fakeApp(handle) });
  expect(code).toBe(2);
  expect(stderr).toBe('error[resource-unknown] Cannot find resource "dbb" in "shop"\n  It has: db, api\n');
  expect(calls).toEqual([]);
});

test("down says what it removed and kept", async () => {
  const { code, stdout, stderr } = await runCommand(["down"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toBe(`- stopping: down
- api  stopped
- db   stopped
v stopped
v removed api, db, lash-shop
  kept volumes shop_db (remove them with --volumes)
`);
});

test.each([60, 80, 200])("ps fits its table to %d columns", async (columns) => {
  const { stdout } = await runCommand(["ps"], { columns, env: { NO_COLOR: "1" } });
  expect(stdout.split("\n").filter((line) => line.length > columns)).toEqual([]);
  expect(stdout).toMatchSnapshot();
});

test("ps, piped, shows everything", async () => {
  expect((await runCommand(["ps"])).stdout).toMatchInlineSnapshot(`
    "NAME  STATUS   UP        KIND       PORTS                                           IMAGE          DETAIL
    db    ready    1 m 30 s  container  127.0.0.1:5432->5432/tcp                        example/db:1
    api   ready    1 m 30 s  container  127.0.0.1:8080->80/tcp, 127.0.0.1:5353->53/udp  example/api:1  2 restarts
    old   stopped            container                                                  example/old:1  orphan, exit 0
    "
  `);
});

test("logs keep their colours on a terminal, never what moves the cursor", async () => {
  const { stdout } = await runCommand(["logs"], { columns: 80 });
  expect(stdout).toContain("\u001b[31mred\u001b[0m\u001b[0m\n");
  expect(stdout).not.toContain("\u001b[2J");
  expect((await runCommand(["logs", "--no-prefix", "-t"])).stdout).toBe(
    "2026-01-01T00:00:00.000000001Z ready to accept connections\n2026-01-01T00:00:00.000000001Z red\n",
  );
});

test("logs passes on what was asked for, times ago as moments", async () => {
  const { handle, calls } = fakeHandle();
  await runCommand(["logs", "-f", "--tail", "5", "--since", "10m", "api"], { app: fakeApp(handle) });
  expect(calls[0]?.arguments[0]).toMatchObject({
    follow: true,
    tail: 5,
    since: "2025-12-31T23:50:00.000Z",
    resources: ["api"],
  });
});

test("run exits with the command's code", async () => {
  const { handle, calls } = fakeHandle();
  expect((await runCommand(["run", "api", "npm", "test"], { app: fakeApp(handle) })).code).toBe(7);
  const ran = calls.find(({ method }) => method === "run");
  expect(ran?.arguments).toMatchObject(["api", { command: ["npm", "test"] }]);
});

test.each([
  ["port api 80", "127.0.0.1:8080\n"],
  ["port api 53/udp", "127.0.0.1:5353\n"],
  ["port api", "80/tcp -> 127.0.0.1:8080\n53/udp -> 127.0.0.1:5353\n"],
])("lash %s", async (line, expected) => {
  expect(await runCommand(line.split(" "))).toEqual({ code: 0, stdout: expected, stderr: "" });
});

test("port fails where nothing is published", async () => {
  expect((await runCommand(["port", "db", "53"])).code).toBe(1);
});

test("secrets check exits 2 and names what is missing", async () => {
  const missing = {
    name: "DB_PASSWORD",
    scheme: "secret",
    source: "missing",
    path: "resources.db.password",
  } as const;
  const { handle } = fakeHandle({ stack: { ...shop, variables: [...shop.variables, missing] } });
  const { code, stdout, stderr } = await runCommand(["secrets", "check"], { app: fakeApp(handle) });
  expect(code).toBe(2);
  expect(stdout).toMatchInlineSnapshot(`
    "VARIABLE            FROM         USED BY
    env.TOKEN           environment  resources.api.container.env.TOKEN
    secret.KEY          default      resources.api.container.secrets.KEY
    secret.DB_PASSWORD  missing      resources.db.password
    "
  `);
  expect(stderr).toContain('error[variable-missing] Cannot start "shop": "DB_PASSWORD" missing');
});

test("completion names resources, and stays silent where the manifest cannot be read", async () => {
  expect((await runCommand(["__complete", "resources"])).stdout).toBe("db\napi\n");
  const app = fakeApp(fakeHandle().handle, {
    async readStack() {
      throw new LashError("manifest-invalid", "Cannot read it");
    },
  });
  expect(await runCommand(["__complete", "resources"], { app })).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("a reader that has gone ends the command quietly", async () => {
  const { handle } = fakeHandle({
    // eslint-disable-next-line require-yield
    async *logs({ signal }) {
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
    },
  });
  const running = startCommand(["logs"], { app: fakeApp(handle) });
  await new Promise(setImmediate);
  running.stdout.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  expect(await running.done).toBe(0);
  expect(running.stderr.text).toBe("");
});

test.each([
  [{}, true],
  [{ NO_COLOR: "1" }, false],
  [{ TERM: "dumb" }, false],
  [{ FORCE_COLOR: "0" }, false],
])("colour on a terminal with %j: %s", async (env, colored) => {
  const { stdout } = await runCommand(["logs"], { columns: 80, env });
  expect(stdout.includes("\u001b[")).toBe(colored);
});

test("FORCE_COLOR colours a pipe", async () => {
  expect((await runCommand(["logs"], { env: { FORCE_COLOR: "1" } })).stdout).toContain("\u001b[36m");
});

test.each([
  [["logs", "-f"], 0],
  [["logs"], 130],
  [["events"], 0],
] as const)("lash %j interrupted exits with %d", async (argv, code) => {
  const wait = ({ signal }: { readonly signal: AbortSignal }): Promise<never> =>
    new Promise((_resolve, reject) => {
      if (signal.aborted) reject(signal.reason as Error);
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
  const { handle } = fakeHandle({
    // eslint-disable-next-line require-yield
    async *logs(options) {
      await wait(options);
    },
    // eslint-disable-next-line require-yield
    async *events(options) {
      await wait(options);
    },
  });
  const running = startCommand(argv, { app: fakeApp(handle) });
  await new Promise(setImmediate);
  running.interrupt("SIGINT");
  expect(await running.done).toBe(code);
});
