import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogEntry } from "../engine/facts.ts";
import { after, LogCounter, parseLogPosition, sinceOf } from "./log-position.ts";

const entry = fc.record({
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  // Few moments, so that many lines share one.
  tick: fc.nat(6),
});

function logOf(
  ticks: readonly { readonly stream: "stdout" | "stderr"; readonly tick: number }[],
): LogEntry[] {
  return [...ticks]
    .sort((a, b) => a.tick - b.tick)
    .map(({ stream, tick }, index) => ({
      stream,
      at: `2026-11-21T10:00:00.${String(tick).padStart(9, "0")}Z`,
      text: `line ${index}`,
    }));
}

async function* given(entries: readonly LogEntry[]): AsyncGenerator<LogEntry> {
  yield* entries;
}

test("after a cut at any line, reading again gives exactly the lines that were not read", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 40 }), fc.nat(40), async (ticks, cut) => {
      const log = logOf(ticks);
      const counter = new LogCounter();
      for (const each of log.slice(0, cut)) counter.add(each);
      const position = parseLogPosition(counter.text());
      expect(position).toBeDefined();
      if (position === undefined) return;
      const rest: LogEntry[] = [];
      for await (const each of after(position, given(log))) rest.push(each);
      expect(rest).toEqual(log.slice(cut));
    }),
  );
});

test("counting goes on where the position was", async () => {
  const log = logOf([1, 1, 1, 2].map((tick) => ({ stream: "stdout", tick })));
  const counter = new LogCounter();
  counter.add(log[0]!);
  const position = parseLogPosition(counter.text());
  const again = new LogCounter(position);
  for await (const each of after(position!, given(log))) again.add(each);
  const whole = new LogCounter();
  for (const each of log) whole.add(each);
  expect(again.text()).toBe(whole.text());
});

test("sinceOf() is a little before the last line", () => {
  const at = "2026-11-21T10:00:05.5Z";
  const position = { stdout: { at, count: 1 }, stderr: { at: "2026-11-21T09:00:00Z", count: 1 } };
  expect(sinceOf(position)).toBe("2026-11-21T10:00:03.500Z");
  expect(sinceOf({ stdout: undefined, stderr: undefined })).toBeUndefined();
});

test("parseLogPosition() refuses what it has not written", () => {
  for (const text of ["", "x", "a,b", "2026-11-21T10:00:00Z*1", "2026-99-21T10:00:00Z*1,", ",,", "a*1,b*1"])
    expect(parseLogPosition(text)).toBeUndefined();
  expect(parseLogPosition(",")).toEqual({ stdout: undefined, stderr: undefined });
});
