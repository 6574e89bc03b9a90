import fc from "fast-check";
import { expect, test } from "vitest";
import { isVolumeName, parseVolumeMapping } from "./volume-mapping.ts";

test.each([
  ["data:/data", "volume", "data", "/data", false],
  ["data:/data:ro", "volume", "data", "/data", true],
  ["data:/data:rw", "volume", "data", "/data", false],
  ["./conf:/etc/conf:ro", "path", "./conf", "/etc/conf", true],
  ["../x:/x", "path", "../x", "/x", false],
  ["./a/../b:/b", "path", "./a/../b", "/b", false],
  [".:/app", "path", ".", "/app", false],
  ["/abs:/x", "path", "/abs", "/x", false],
  ["C:\\data:/data", "path", "C:\\data", "/data", false],
  ["c:/data:/data", "path", "c:/data", "/data", false],
  ["c:/data:/data:ro", "path", "c:/data", "/data", true],
  ["c:/data", "volume", "c", "/data", false],
  ["ab:/data", "volume", "ab", "/data", false],
])("parseVolumeMapping() reads %s", (text, type, source, target, readOnly) => {
  expect(parseVolumeMapping(text)).toEqual({ ok: true, value: { type, source, target, readOnly } });
});

test.each([
  "",
  ":",
  "data",
  "data:",
  ":/data",
  "data:data",
  "data:/data:x",
  "data:/a:ro:rw",
  "{v}:/x",
  "a b:/x",
  "~/x:/x",
])("parseVolumeMapping() refuses %j", (text) => {
  expect(parseVolumeMapping(text).ok).toBe(false);
});

test("parseVolumeMapping() never throws", () => {
  const pieces = fc
    .array(fc.constantFrom("c", ":", "/", "\\", ".", "ro", "data", "{"))
    .map((list) => list.join(""));
  fc.assert(fc.property(fc.oneof(fc.string(), pieces), (text) => void parseVolumeMapping(text)));
});

test("isVolumeName() takes what engines take", () => {
  expect(["data", "a.b-c_d", "0a"].every(isVolumeName)).toBe(true);
  expect(["", "-a", "a/b", "a b", "{a}"].some(isVolumeName)).toBe(false);
});
