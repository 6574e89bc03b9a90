import fc from "fast-check";
import { expect, test } from "vitest";
import type { LashError } from "../../model/errors.ts";
import { type FramePiece, readFrames, readFramesOrRaw } from "./frames.ts";
import { collect, frame, inPieces } from "./testing/scripted-engine.ts";

const anyMessages = fc.array(
  fc.record({ stream: fc.constantFrom("stdout", "stderr"), data: fc.uint8Array({ maxLength: 50 }) }),
);
const anyCuts = fc.array(fc.nat());

function joined(pieces: readonly FramePiece[]): { stdout: string; stderr: string; messages: number } {
  const of = (stream: string): string =>
    Buffer.concat(pieces.filter((piece) => piece.stream === stream).map(({ data }) => data)).toString("hex");
  return { stdout: of("stdout"), stderr: of("stderr"), messages: pieces.filter(({ first }) => first).length };
}

test("readFrames() gives the same however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(anyMessages, anyCuts, async (messages, cuts) => {
      const bytes = Buffer.concat(messages.map(({ stream, data }) => frame(stream, data)));
      const whole = joined(await collect(readFrames(inPieces(bytes, []))));
      expect(joined(await collect(readFrames(inPieces(bytes, cuts))))).toEqual(whole);
      expect(whole.messages).toBe(messages.filter(({ data }) => data.length > 0).length);
    }),
  );
});

test("readFrames() tells when the stream ends anywhere inside a message", async () => {
  const bytes = Buffer.concat([frame("stdout", "one"), frame("stderr", "two")]);
  const endings: string[] = [];
  for (let end = 0; end <= bytes.length; end += 1) {
    const [read] = await Promise.allSettled([collect(readFrames(inPieces(bytes.subarray(0, end), [])))]);
    endings.push(read.status === "fulfilled" ? `${end}` : (read.reason as LashError).code);
  }
  expect(new Set(endings)).toEqual(new Set(["0", "11", "22", "engine-unreachable"]));
});

test("readFrames() passes a huge message on without collecting it", async () => {
  const header = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield header;
    for (;;) yield Buffer.alloc(1024);
  }
  let seen = 0;
  for await (const { data } of readFrames(endless())) {
    expect(data.length).toBe(1024);
    seen += 1;
    if (seen === 3) break;
  }
});

test("readFrames() refuses what is not framed", async () => {
  const reading = collect(readFrames(inPieces(Buffer.from("plain text"), [])));
  await expect(reading).rejects.toMatchObject({ code: "engine-refused" });
});

test("readFramesOrRaw() tells a tty by its first byte, however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(anyCuts, async (cuts) => {
      const raw = Buffer.from("2026-11-21T02:17:50.1Z hello\r\n");
      expect(joined(await collect(readFramesOrRaw(inPieces(raw, cuts)))).stdout).toBe(raw.toString("hex"));
      const framed = frame("stderr", "x");
      expect(joined(await collect(readFramesOrRaw(inPieces(framed, cuts)))).stderr).toBe("78");
    }),
  );
  expect(await collect(readFramesOrRaw(inPieces(Buffer.alloc(0), [])))).toEqual([]);
});
