import { expect, test } from "vitest";
import { createOutput } from "../../../src/cli/output.ts";
import { LiveProgress } from "../../../src/cli/render/progress.ts";
import { ManualClock } from "./support/clock.ts";
import { eventSource } from "./support/events.ts";
import { Terminal } from "./support/terminal.ts";

function setup({ columns = 80, rows = 24, names = ["db", "cache", "api"] } = {}) {
  const terminal = new Terminal(columns, rows);
  const clock = new ManualClock();
  const output = createOutput({ stdout: terminal, stderr: terminal, env: {}, json: false, noColor: false });
  const view = new LiveProgress({ output, stderr: terminal, clock, title: "up shop", goal: "ready", names });
  return { terminal, clock, view, event: eventSource() };
}

test("LiveProgress shows one line per resource and redraws it in place", async () => {
  const { terminal, clock, view, event } = setup();
  view.show(event({ type: "resource_pulling", name: "db", image: "postgres:16-alpine" }));
  view.show(event({ type: "resource_starting", name: "cache" }));
  view.show(event({ type: "resource_waiting", name: "api", on: ["db", "cache"] }));
  await clock.advance(1_200);
  view.show(
    event({
      type: "resource_progress",
      name: "db",
      text: "Downloading",
      part: "a1",
      currentBytes: 12_300_000,
      totalBytes: 40_000_000,
    }),
  );
  view.show(
    event({ type: "resource_ready", name: "cache", container_id: "c1", url: "redis://127.0.0.1:6379" }),
  );
  await clock.advance(100);
  expect(terminal.screen).toBe(
    `up shop  1 of 3 ready  1.3 s
- db     pulling       1.3 s  [======              ] 12.3 MB of 40.0 MB  postg…
v cache  ready         1.2 s
  api    waiting       1.3 s  for db, cache`,
  );
  expect(terminal.cursorShown).toBe(false);
  view[Symbol.dispose]();
  expect(terminal.cursorShown).toBe(true);
});

test("LiveProgress keeps what is printed above it whole", async () => {
  const { terminal, clock, view, event } = setup({ names: ["db"] });
  view.above(() => terminal.write("db | first line\n"));
  await clock.advance(100);
  view.above(() => terminal.write("db | second line\n"));
  view.show(
    event({
      type: "notice",
      message: 'left orphan "old" alone',
      hint: "Remove it: lash up --remove-orphans",
    }),
  );
  view.show(event({ type: "resource_stopped", name: "db" }));
  view[Symbol.dispose]();
  expect(terminal.text).toBe(
    `db | first line
db | second line
- left orphan "old" alone
  Remove it: lash up --remove-orphans
up shop  0 of 1 ready  0.1 s
v db    stopped       0.0 s`,
  );
  expect(terminal.cursor.column).toBe(0);
});

test("LiveProgress fits any terminal: what does not fit becomes a summary line", async () => {
  const names = Array.from({ length: 30 }, (_, at) => `resource-with-a-long-name-${at}`);
  const { terminal, clock, view, event } = setup({ columns: 44, rows: 8, names });
  for (const name of names.slice(0, 20))
    view.show(event({ type: "resource_ready", name, container_id: name, url: undefined }));
  for (const name of names.slice(20, 23)) view.show(event({ type: "resource_starting", name }));
  await clock.advance(60_000);
  expect(terminal.screen).toBe(
    `up shop  20 of 30 ready  1 m 00 s
- resource-with…  starting   1 m 00 s
- resource-with…  starting   1 m 00 s
- resource-with…  starting   1 m 00 s
  resource-with…  pending
  resource-with…  pending
  and 25 more: 20 ready, 5 pending`,
  );
  expect(terminal.text).toBe(terminal.screen);
  view[Symbol.dispose]();
});

test("LiveProgress never writes a line the terminal would wrap, at any size", async () => {
  for (const columns of [20, 30, 40, 79, 80, 200]) {
    const { terminal, clock, view, event } = setup({
      columns,
      rows: 6,
      names: ["数据库数据库数据库数据库", "b"],
    });
    view.show(
      event({
        type: "resource_pulling",
        name: "b",
        image: "registry.example.org/a/very/long/name:1.2.3@sha256:0123456789",
      }),
    );
    for (let at = 0; at < 20; at += 1) await clock.advance(100);
    const lines = terminal.text.split("\n");
    expect(lines).toHaveLength(3);
    view[Symbol.dispose]();
    expect(terminal.text.split("\n")).toHaveLength(3);
  }
});

test("LiveProgress does not let outside text move the cursor", () => {
  const { terminal, view, event } = setup({ names: ["db"] });
  view.show(
    event({ type: "resource_unhealthy", name: "db", output: "\u001b[2J\u001b[10Aboo\r\nnext\u0007" }),
  );
  view[Symbol.dispose]();
  expect(terminal.screen.split("\n")[1]).toBe("! db    unhealthy     0.0 s  ␛[2J␛[10Aboo next␇");
});
