import { expect, test } from "vitest";
import { eventsBetween } from "./event-feed.ts";
import type { Phase, ProcessRecord } from "./record.ts";

const identity = { pid: 10, start: "1", boot: "b" };
const created: Phase = { tag: "created", error: "" };
const running: Phase = { tag: "running", process: identity, launcher: identity, startedAtMs: 2 };
const ended: Phase = { tag: "ended", process: identity, startedAtMs: 2, finishedAtMs: 3, exitCode: 7 };

function record(phase: Phase, runs: number, name = "a"): ProcessRecord {
  const fixed = {
    version: 1,
    id: "i",
    revision: 1,
    labels: {},
    command: ["x"],
    env: {},
    stopSignal: "SIGTERM",
  } as const;
  return { ...fixed, command: ["x"], createdAtMs: 1, name, runs, phase };
}

test.each([
  ["a new record", undefined, record(created, 0), ["create"]],
  ["one that ran and ended unseen", undefined, record(ended, 1), ["create", "start", "die 7"]],
  ["a start", record(created, 0), record(running, 1), ["start"]],
  ["an end", record(running, 1), record(ended, 1), ["die 7"]],
  ["a start and an end between two looks", record(created, 0), record(ended, 1), ["start", "die 7"]],
  ["a restart between two looks", record(running, 1), record(running, 2), ["die", "start"]],
  ["a removal while it ran", record(running, 1), undefined, ["die", "destroy"]],
  ["a removal", record(ended, 1), undefined, ["destroy"]],
  ["a new name", record(running, 1), record(running, 1, "b"), ["rename"]],
  ["a refused start", record(created, 0), record({ ...created, error: "no" }, 0), []],
  ["nothing", record(running, 1), record(running, 1), []],
])("eventsBetween() tells %s", (_, before, after, wanted) => {
  const told = eventsBetween(before, after, 9).map(({ action, exitCode }) =>
    `${action} ${exitCode ?? ""}`.trim(),
  );
  expect(told).toEqual(wanted);
});
