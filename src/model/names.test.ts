import { expect, test } from "vitest";
import { isDatabaseName, isName } from "./names.ts";

test("isName() takes lower case names of 32 characters at most", () => {
  expect(["a", "a-b_c9", "a".repeat(32)].every(isName)).toBe(true);
  expect(["", "1bad", "Bad", "a b", "-a", "a".repeat(33), "ä"].some(isName)).toBe(false);
});

test("isDatabaseName() takes what servers take unquoted", () => {
  expect(["shop", "a_1", "a".repeat(63)].every(isDatabaseName)).toBe(true);
  expect(["", "1a", "a-b", "A", "a".repeat(64)].some(isDatabaseName)).toBe(false);
});
