import fc from "fast-check";
import { expect, test } from "vitest";
import { parseByteSize } from "./byte-size.ts";

test.each([
  ["64m", 64 * 1024 ** 2],
  ["1gb", 1024 ** 3],
  ["1GiB", 1024 ** 3],
  ["1.5k", 1536],
  ["512", 512],
  ["512b", 512],
  ["2 G", 2 * 1024 ** 3],
])("parseByteSize() reads %j", (text, bytes) => {
  expect(parseByteSize(text)).toEqual({ ok: true, value: bytes });
});

test.each(["", "m", "-1m", "1mm", "1e3", "64 mb x", "99999999t"])("parseByteSize() refuses %j", (text) => {
  expect(parseByteSize(text).ok).toBe(false);
});

test("parseByteSize() never throws", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseByteSize(text)));
});
