import fc from "fast-check";
import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

test.each([
  ["imagee", ["image", "init"], "image"],
  ["prots", ["ports", "env"], "ports"],
  ["Postgres", ["redis", "postgres"], "postgres"],
  ["enviroment", ["env", "environment"], "environment"],
  ["db", ["dc", "dd"], "dc"],
])("nearest() of %s in %j is %s", (word, candidates, found) => {
  expect(nearest(word, candidates)).toBe(found);
});

test.each([
  ["xyz", ["image", "ports"]],
  ["a".repeat(100), ["a".repeat(99)]],
  ["a", []],
])("nearest() finds nothing for %s", (word, candidates) => {
  expect(nearest(word, candidates)).toBeUndefined();
});

test("nearest() of a candidate is that candidate", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,20}$/), { minLength: 1 }), (words) => {
      expect(words.map((word) => nearest(word, words))).toEqual(words);
    }),
  );
});
