// Loaded before everything else by --import: the process' clock can be set. The file that CLOCK_SHIFT_FILE names holds
// by how many milliseconds it is off; it is read at each SIGUSR2.
import { readFileSync } from "node:fs";

const trueNow = Date.now;
const TrueDate = Date;
let shiftMs = 0;

process.on("SIGUSR2", () => {
  shiftMs = Number(readFileSync(process.env["CLOCK_SHIFT_FILE"] ?? "", "utf8"));
  // So that the test knows from when on it holds.
  process.stderr.write(`clock shifted by ${shiftMs} ms\n`);
});

globalThis.Date = new Proxy(TrueDate, {
  construct: (target, given: []) =>
    given.length === 0 ? new target(trueNow() + shiftMs) : new target(...given),
  get: (target, key) => (key === "now" ? () => trueNow() + shiftMs : Reflect.get(target, key)),
});
