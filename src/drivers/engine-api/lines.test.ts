import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogEntry } from "../../engine/facts.ts";
import { readFrames, readRaw } from "./frames.ts";
import { maxLineBytes, readLines } from "./lines.ts";
import { collect, frame, inPieces } from "./testing/scripted-engine.ts";

const at = "2026-11-21T02:17:50.123456789Z";

async function linesOf(bytes: Uint8Array, cuts: readonly number[] = []): Promise<LogEntry[]> {
  return await collect(readLines(readFrames(inPieces(bytes, cuts))));
}

test("readLines() takes the time stamp off and keeps the streams apart", async () => {
  const bytes = Buffer.concat([
    frame("stdout", `${at} one\n`),
    frame("stderr", `${at} oops\n`),
    frame("stdout", `${at} \n`),
    frame("stdout", `${at} no end`),
  ]);
  expect(await linesOf(bytes)).toEqual([
    { stream: "stdout", at, text: "one" },
    { stream: "stderr", at, text: "oops" },
    { stream: "stdout", at, text: "" },
    { stream: "stdout", at, text: "no end" },
  ]);
});

test("readLines() joins the parts of a long line and takes every part's time stamp off", async () => {
  const later = "2026-11-21T02:17:51.000000000Z";
  const bytes = Buffer.concat([
    frame("stdout", `${at} ${"a".repeat(16_384)}`),
    frame("stderr", `${later} between\n`),
    frame("stdout", `${later} ${"b".repeat(10)}\n`),
  ]);
  const lines = await linesOf(bytes);
  expect(lines[1]).toEqual({ stream: "stdout", at, text: `${"a".repeat(16_384)}${"b".repeat(10)}` });
});

test("readLines() gives the same however the bytes are cut", async () => {
  const anyText = fc.string({ unit: fc.constantFrom("a", " ", "é", "\r", "\n", "2026-"), maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.array(anyText), fc.array(fc.nat()), async (texts, cuts) => {
      const bytes = Buffer.concat(texts.map((text) => frame("stdout", `${at} ${text}`)));
      expect(await linesOf(bytes, cuts)).toEqual(await linesOf(bytes));
    }),
  );
});

test("readLines() takes line ends of a tty, and what is no UTF-8", async () => {
  const raw = Buffer.concat([
    Buffer.from(`${at} hi\r\n${at} `),
    Buffer.from([0xff, 0x41]),
    Buffer.from("\r\n"),
  ]);
  expect(await collect(readLines(readRaw(inPieces(raw, [7, 40]))))).toEqual([
    { stream: "stdout", at, text: "hi" },
    { stream: "stdout", at, text: "\uFFFDA" },
  ]);
});

test("readLines() cuts a line beyond the bound between characters, and says so", async () => {
  const long = "x" + "é".repeat(maxLineBytes);
  const [line] = await linesOf(Buffer.concat([frame("stdout", `${at} ${long}\n`)]));
  const [kept, note] = line!.text.split(" [");
  expect(Buffer.byteLength(kept!)).toBe(maxLineBytes - 1);
  expect(kept).not.toContain("\uFFFD");
  expect(note).toBe(`cut: ${maxLineBytes} of ${2 * maxLineBytes + 1} bytes]`);
});

test("readLines() leaves a line without time stamp as it is", async () => {
  expect(
    await linesOf(frame("stdout", "short\na line that is longer than any time stamp could be\n")),
  ).toEqual([
    { stream: "stdout", at: "", text: "short" },
    { stream: "stdout", at: "", text: "a line that is longer than any time stamp could be" },
  ]);
});
