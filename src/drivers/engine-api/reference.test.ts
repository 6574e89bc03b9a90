import { expect, test } from "vitest";
import { parseReference, pullTarget } from "./reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

test.each([
  ["redis", "docker.io", "library/redis", undefined, undefined],
  ["redis:7", "docker.io", "library/redis", "7", undefined],
  ["docker.io/redis", "docker.io", "library/redis", undefined, undefined],
  ["index.docker.io/team/app:1", "docker.io", "team/app", "1", undefined],
  ["team/app", "docker.io", "team/app", undefined, undefined],
  ["localhost/app:1", "localhost", "app", "1", undefined],
  ["127.0.0.1:5000/app", "127.0.0.1:5000", "app", undefined, undefined],
  ["ghcr.io/a/b/c:1", "ghcr.io", "a/b/c", "1", undefined],
  [`ghcr.io/a:1@${digest}`, "ghcr.io", "a", "1", digest],
  [`redis@${digest}`, "docker.io", "library/redis", undefined, digest],
])("parseReference(%j)", (reference, registry, repository, tag, digest) => {
  expect(parseReference(reference)).toEqual({ registry, repository, tag, digest });
});

test.each([
  ["redis", "docker.io", "redis", "latest"],
  ["127.0.0.1:5000/app", "127.0.0.1:5000", "127.0.0.1:5000/app", "latest"],
  ["team/app:1", "docker.io", "team/app", "1"],
  [`ghcr.io/a:1@${digest}`, "ghcr.io", "ghcr.io/a", digest],
])("pullTarget(%j) names one image, never all tags", (reference, registry, name, tag) => {
  expect(pullTarget(reference)).toEqual({ registry, name, tag });
});
