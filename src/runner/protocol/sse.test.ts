import fc from "fast-check";
import { expect, test } from "vitest";
import { readSse, type SseMessage, sseHeartbeat, sseText } from "./sse.ts";

async function read(chunks: readonly Uint8Array[]): Promise<readonly SseMessage[]> {
  const messages: SseMessage[] = [];
  async function* given(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  for await (const message of readSse(given())) messages.push(message);
  return messages;
}

test("readSse() gives every message once, wherever the bytes are cut", async () => {
  const value = fc.record({ event: fc.stringMatching(/^[a-z]{1,8}$/), data: fc.string({ unit: "binary" }) });
  await fc.assert(
    fc.asyncProperty(fc.array(value), fc.array(fc.nat(60)), async (values, cuts) => {
      const text = values
        .map(({ event, data }, at) => sseHeartbeat + sseText(event, data, String(at)))
        .join("");
      const bytes = Buffer.from(text);
      const chunks: Uint8Array[] = [];
      let from = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(from, from + cut));
        from = Math.min(bytes.length, from + cut);
      }
      chunks.push(bytes.subarray(from));
      const found = await read(chunks);
      expect(found.map(({ event, id, data }) => [event, id, JSON.parse(data)])).toEqual(
        values.map(({ event, data }, at) => [event, String(at), JSON.parse(JSON.stringify(data))]),
      );
    }),
  );
});

test("readSse() leaves out a message that was cut off, and comments", async () => {
  const bytes = Buffer.from(`${sseHeartbeat}${sseText("a", 1)}event: b\ndata: 2\n`);
  expect(await read([bytes])).toEqual([{ event: "a", id: "", data: "1" }]);
});
