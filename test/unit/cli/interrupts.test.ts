import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { listenForInterrupts } from "../../../src/cli/interrupts.ts";

function setup() {
  const exits: number[] = [];
  const process = Object.assign(new EventEmitter(), { exit: (code: number) => exits.push(code) });
  return { process, exits, interrupts: listenForInterrupts(process as unknown as NodeJS.Process) };
}

test("the first interrupt stops, the second kills, the third ends the process", () => {
  const { process, exits, interrupts } = setup();
  const state = (): readonly boolean[] => [interrupts.signal.aborted, interrupts.killSignal.aborted];
  expect([...state(), interrupts.received()]).toEqual([false, false, undefined]);
  process.emit("SIGTERM");
  expect([...state(), interrupts.received()]).toEqual([true, false, "SIGTERM"]);
  process.emit("SIGINT");
  expect([...state(), interrupts.received(), exits]).toEqual([true, true, "SIGTERM", []]);
  process.emit("SIGINT");
  expect(exits).toEqual([130]);
});
