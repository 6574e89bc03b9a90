import { expect, test } from "vitest";
import type { RecoveryReport, StackHandle } from "../../../src/app/types.ts";
import { createOutput } from "../../../src/cli/output.ts";
import { LiveProgress } from "../../../src/cli/render/progress.ts";
import { LashError } from "../../../src/model/errors.ts";
import { ManualClock } from "./support/clock.ts";
import { eventSource } from "./support/events.ts";
import { alternate, noRepair, portInUse, recovered, retryFailed } from "./support/reports.ts";
import { runCommand } from "./support/run-command.ts";
import { fakeApp, fakeHandle } from "./support/stack.ts";
import { Terminal } from "./support/terminal.ts";

type Emit = ReturnType<typeof fakeHandle>["emit"];
type Body = Parameters<Emit>[0];

const detected: Body = { type: "failure_detected", name: "backend", failure: portInUse };
const repaired: readonly Body[] = [
  { type: "resource_starting", name: "backend" },
  detected,
  { type: "repair_started", name: "backend", repair: alternate },
  { type: "repair_applied", name: "backend", repair: alternate },
  { type: "resource_starting", name: "backend" },
  {
    type: "resource_ready",
    name: "backend",
    container_id: "b1",
    url: "http://127.0.0.1:8085",
  },
  { type: "recovered", name: "backend", report: recovered },
];

/** What follows a report that gave up, as `up` says it: the failure, what waited for it, and the error. */
function failing(report: RecoveryReport, before: readonly Body[]): Partial<StackHandle> & { play: Emit[] } {
  const failure = report.failure ?? report.detected;
  const dependent = {
    code: "dependency-failed",
    subject: "web",
    message: `dependency "backend" failed: ${failure.message}`,
    evidence: "",
    cause: failure,
  } as const;
  const play: Emit[] = [];
  return {
    play,
    async up() {
      const [emit] = play;
      for (const body of before) emit?.(body);
      emit?.({ type: "recovery_ended", name: "backend", report });
      emit?.({ type: "resource_failed", name: "backend", error: failure.message, failure });
      emit?.({ type: "resource_failed", name: "web", error: dependent.message, failure: dependent });
      throw new LashError("resource-failed", `Cannot bring "shop" up: ${failure.message}`, {
        data: { failures: [failure, dependent] },
        hint: "To look around, leave everything as it is next time: lash up --keep",
      });
    },
  };
}

async function runFailing(
  report: RecoveryReport,
  options: { before: readonly Body[]; argv: readonly string[]; columns?: number; env?: NodeJS.ProcessEnv },
) {
  const methods = failing(report, options.before);
  const { handle, emit } = fakeHandle(methods);
  methods.play.push(emit);
  return await runCommand(options.argv, { ...options, app: fakeApp(handle) });
}

test("up, piped, without a repair: each failure is told once and the error is short", async () => {
  const { code, stdout, stderr } = await runFailing(noRepair, { before: [detected], argv: ["up"] });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toBe(
    `x detected   port-in-use     host port 8080/tcp, wanted by "backend", is published by container "ci-jenkins-1" (compose project "ci", started from its compose.yaml)
x no repair                  the manifest declares no other bundle of ports
- you can                    stop the container that has the port
                               docker stop ci-jenkins-1
-                            give "backend" another host port, or declare a second bundle of ports in the manifest so that Lash may move to it
- more                       lash explain port-in-use
x backend  failed      port-in-use
x web  failed      dependency "backend" failed
error[resource-failed] Cannot bring "shop" up: "backend" failed: port-in-use
  To look around, leave everything as it is next time: lash up --keep
`,
  );
});

test("up, piped, with a retry that failed: both failures, each once", async () => {
  const before = repaired.slice(0, 5);
  const { code, stderr } = await runFailing(retryFailed, { before, argv: ["up", "-d"] });
  expect(code).toBe(1);
  expect(stderr).toBe(
    `- backend  starting
x detected   port-in-use     host port 8080/tcp, wanted by "backend", is published by container "ci-jenkins-1" (compose project "ci", started from its compose.yaml)
- repair     use-port-bundle  bundle "alternate": backend 8085, grafana 3004, config-ui 4004 (all three probed free)
- backend  starting
x retry 1/1  failed          start of stack "shop", after 0.8 s
x gave up    crashed         "backend": it ended with exit code 1
  | reading /etc/backend.toml
  | ␛[31mfatal␛[0m: port 8080 is not what the config says
- you can                    look at what it said before it ended
                               lash up --keep
                               lash logs backend
- more                       lash explain crashed
x backend  failed      crashed
x web  failed      dependency "backend" failed
error[resource-failed] Cannot bring "shop" up: "backend" failed: crashed
  To look around, leave everything as it is next time: lash up --keep
`,
  );
});

test("up on a terminal without colour: the block above the board, nothing of it below", async () => {
  const terminal = { before: [detected], argv: ["up"], columns: 80, env: { NO_COLOR: "1" } };
  const { stderr } = await runFailing(noRepair, terminal);
  // eslint-disable-next-line no-control-regex
  const moves = /\u001b\[(?:\?25[lh]|\d*[AJ]|2K)/g;
  expect(stderr.replaceAll(moves, "")).not.toContain("\u001b");
  expect(stderr.match(/x detected/g)).toHaveLength(1);
  const end = stderr.slice(stderr.lastIndexOf("up shop "));
  expect(end.replaceAll(moves, "").replaceAll(/\d\.\d s/g, "0.0 s")).toMatchInlineSnapshot(`
    "up shop  0 of 4 ready  0.0 s
      db       pending            
      api      pending            
    x backend  failed        0.0 s  port-in-use
    x web      failed        0.0 s  dependency "backend" failed
    error[resource-failed] Cannot bring "shop" up: "backend" failed: port-in-use
      To look around, leave everything as it is next time: lash up --keep
    "
  `);
});

test("up --json: the events as they are, then the error with everything", async () => {
  const { stdout, stderr } = await runFailing(noRepair, { before: [detected], argv: ["up", "--json"] });
  expect(stderr).toBe("");
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map(({ type }) => type)).toEqual([
    "failure_detected",
    "recovery_ended",
    "resource_failed",
    "resource_failed",
    undefined,
  ]);
  expect(lines[1]).toMatchObject({
    report: JSON.parse(JSON.stringify(noRepair)) as Record<string, unknown>,
  });
});

test("a failure nobody told is told by the error, with what the person can do", async () => {
  const { handle } = fakeHandle({
    async start() {
      throw new LashError("resource-failed", `Cannot start "backend": ${portInUse.message}`, {
        data: { failures: [{ ...portInUse, cause: { ...portInUse, code: "crashed", message: "it ended" } }] },
      });
    },
  });
  const { stderr } = await runCommand(["start"], { app: fakeApp(handle) });
  expect(stderr).toBe(
    `x failed     port-in-use     host port 8080/tcp, wanted by "backend", is published by container "ci-jenkins-1" (compose project "ci", started from its compose.yaml)
- after      crashed         it ended
- you can                    stop the container that has the port
                               docker stop ci-jenkins-1
-                            give "backend" another host port, or declare a second bundle of ports in the manifest so that Lash may move to it
error[resource-failed] Cannot start "backend": "backend" failed: port-in-use
`,
  );
});

test.each(["start", "restart"] as const)("%s tells a recovery as it happens", async (name) => {
  const { handle, emit } = fakeHandle({
    async [name]() {
      for (const body of repaired) emit(body);
    },
  });
  const { code, stderr } = await runCommand([name], { app: fakeApp(handle) });
  expect(code).toBe(0);
  expect(stderr).toBe(
    `- backend  starting
x detected   port-in-use     host port 8080/tcp, wanted by "backend", is published by container "ci-jenkins-1" (compose project "ci", started from its compose.yaml)
- repair     use-port-bundle  bundle "alternate": backend 8085, grafana 3004, config-ui 4004 (all three probed free)
- backend  starting
v backend  ready       http://127.0.0.1:8085
- retry 1/1  worked          start of stack "shop", in 3.1 s
v recovered                  backend http://127.0.0.1:8085
`,
  );
});

test("run says what was repaired on standard error, and nothing else", async () => {
  const { handle, emit } = fakeHandle({
    async run() {
      for (const body of repaired) emit(body);
      return 0;
    },
  });
  const { stdout, stderr } = await runCommand(["run", "api", "true"], { app: fakeApp(handle) });
  expect(stdout).toBe("");
  expect(stderr.split("\n").map((line) => line.slice(0, 12))).toEqual([
    "x detected  ",
    "- repair    ",
    "- retry 1/1 ",
    "v recovered ",
    "",
  ]);
});

test("events prints a recovery with its times, each failure once", async () => {
  const event = eventSource();
  const { handle } = fakeHandle({
    async *events() {
      yield event(detected);
      yield event({ type: "recovery_ended", name: "backend", report: { ...noRepair, because: "no bundle" } });
      yield event({ type: "resource_failed", name: "backend", error: "it failed", failure: portInUse });
      yield event({ type: "resource_failed", name: "db", error: "it failed", failure: retryFailed.detected });
    },
  });
  const { stdout } = await runCommand(["events"], { app: fakeApp(handle) });
  const lines = stdout.trimEnd().split("\n");
  expect(lines.filter((line) => !line.startsWith("2026-01-01T00:00:00.000Z "))).toEqual([]);
  expect(lines.filter((line) => line.includes("host port 8080/tcp"))).toHaveLength(1);
  expect(lines.at(-1)).toMatch(/x db {3}failed {6}port-in-use$/);
});

function live(columns: number) {
  const terminal = new Terminal(columns, 30);
  const clock = new ManualClock();
  const output = createOutput({ stdout: terminal, stderr: terminal, env: {}, json: false, noColor: false });
  const names = ["backend", "grafana"];
  const view = new LiveProgress({ output, stderr: terminal, clock, title: "up shop", goal: "ready", names });
  return { terminal, clock, view, event: eventSource() };
}

test("LiveProgress keeps the story of a recovery above the board, and the row says what is done", async () => {
  const { terminal, clock, view, event } = live(80);
  for (const body of repaired.slice(0, 3)) view.show(event(body));
  await clock.advance(100);
  expect(terminal.screen).toMatch(
    /\n- backend {2}starting {6}0\.1 s {2}repair: use-port-bundle\n {2}grafana/,
  );
  for (const body of repaired.slice(3)) view.show(event(body));
  await clock.advance(100);
  view[Symbol.dispose]();
  expect(terminal.text).toMatchInlineSnapshot(`
    "x detected   port-in-use     host port 8080/tcp, wanted by "backend", is
                                 published by container "ci-jenkins-1" (compose
                                 project "ci", started from its compose.yaml)
    - repair     use-port-bundle  bundle "alternate": backend 8085, grafana 3004,
                                 config-ui 4004 (all three probed free)
    - retry 1/1  worked          start of stack "shop", in 3.1 s
    v recovered                  backend http://127.0.0.1:8085
    up shop  1 of 2 ready  0.2 s
    v backend  ready         0.1 s
      grafana  pending"
  `);
});

test("LiveProgress does not make a row of what concerns the stack as a whole", () => {
  const { terminal, view, event } = live(200);
  view.show(event({ type: "failure_detected", name: "", failure: { ...portInUse, subject: "" } }));
  view.show(event({ type: "recovery_ended", name: "", report: noRepair }));
  view[Symbol.dispose]();
  expect(terminal.text.split("\n").slice(-3)).toEqual([
    "up shop  0 of 2 ready  0.0 s",
    "  backend  pending",
    "  grafana  pending",
  ]);
});
