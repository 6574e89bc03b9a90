import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, maxDurationMs, parseDuration } from "./duration.ts";

test.each([
  ["5s", 5000],
  ["200ms", 200],
  ["2m", 120_000],
  ["1h", 3_600_000],
  [".5s", 500],
  ["5.s", 5000],
  ["1m30s", 90_000],
  ["1h2m3s4ms", 3_723_004],
  [" 5s ", 5000],
  ["0", 0],
  ["0s", 0],
  ["500us", 0.5],
  ["1d", 86_400_000],
])("parseDuration() reads %j as %d ms", (text, milliseconds) => {
  expect(parseDuration(text)).toEqual({ ok: true, value: milliseconds });
});

test.each([
  "",
  " ",
  "5",
  "-1s",
  "+1s",
  "1..2s",
  "s",
  "1x",
  "1m 30s",
  "1e3s",
  ".s",
  "1s5",
  "NaN",
  "99999h",
  "١s",
])("parseDuration() refuses %j", (text) => {
  expect(parseDuration(text).ok).toBe(false);
});

test("parseDuration() reads back what formatDuration() prints", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: maxDurationMs }), (milliseconds) => {
      expect(parseDuration(formatDuration(milliseconds))).toEqual({ ok: true, value: milliseconds });
    }),
  );
});

test("parseDuration() never throws and gives a number that a timer can wait", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,20}(ms|s|m|h)$/)), (text) => {
      const result = parseDuration(text);
      expect(!result.ok || (result.value >= 0 && result.value <= maxDurationMs)).toBe(true);
    }),
  );
});
