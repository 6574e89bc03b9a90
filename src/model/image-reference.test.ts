import fc from "fast-check";
import { expect, test } from "vitest";
import { formatImageReference, parseImageReference } from "./image-reference.ts";

const hex = "0123456789abcdef".repeat(4);

test.each([
  ["redis", "docker.io/library/redis:latest"],
  ["redis:7", "docker.io/library/redis:7"],
  ["team/app", "docker.io/team/app:latest"],
  ["team/app/sub:1.2-rc.1", "docker.io/team/app/sub:1.2-rc.1"],
  ["localhost/app", "localhost/app:latest"],
  ["localhost:5000/app:1", "localhost:5000/app:1"],
  ["registry.example:5000/team/app", "registry.example:5000/team/app:latest"],
  ["[::1]:5000/app", "[::1]:5000/app:latest"],
  ["ghcr.io/a/b__c/d--e:x", "ghcr.io/a/b__c/d--e:x"],
  ["index.docker.io/library/redis", "docker.io/library/redis:latest"],
  [`redis@sha256:${hex}`, `docker.io/library/redis@sha256:${hex}`],
  [`redis:7@sha256:${hex}`, `docker.io/library/redis:7@sha256:${hex}`],
])("parseImageReference() reads %s", (text, normalised) => {
  const result = parseImageReference(text);
  expect(result.ok && formatImageReference(result.value)).toBe(normalised);
});

test.each([
  "",
  " ",
  "Redis",
  "redis:",
  "redis:a b",
  `redis:${"t".repeat(129)}`,
  "redis@",
  "redis@sha256:abc",
  `redis@sha256:${hex.slice(1)}`,
  "redis//a",
  "/redis",
  "redis/",
  "a..b",
  "-redis",
  "redis_",
  "http://redis",
  "registry.example:port/app",
  "a".repeat(256),
  "${env.IMAGE}",
])("parseImageReference() refuses %j", (text) => {
  expect(parseImageReference(text).ok).toBe(false);
});

test("parseImageReference() asks for lower case where that is all", () => {
  expect(parseImageReference("Redis:7")).toEqual({ ok: false, expected: "an image reference in lower case" });
});

test("parseImageReference() reads its own normal form as the same reference", () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?$/);
  const path = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  fc.assert(
    fc.property(path, fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/)), (name, tag) => {
      const first = parseImageReference(tag === null ? name : `${name}:${tag}`);
      const again = first.ok ? parseImageReference(formatImageReference(first.value)) : first;
      expect(again.ok && first.ok && formatImageReference(again.value)).toBe(
        first.ok && formatImageReference(first.value),
      );
      expect(first.ok).toBe(true);
    }),
  );
});

test("parseImageReference() never throws, and answers long garbage at once", () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void parseImageReference(text)));
  const startedAt = performance.now();
  for (const piece of ["a-", "a.", "a/", "a:", "-", "a_", "@"]) parseImageReference(piece.repeat(200_000));
  expect(performance.now() - startedAt).toBeLessThan(1000);
});
