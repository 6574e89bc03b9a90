import { expect, test } from "vitest";
import { parseIgnoreRules } from "./dockerignore.ts";

// Cases of moby/patternmatcher's own table (v0.6), and of Docker's documentation.
test.each([
  ["**", "file", true],
  ["**", "dir/file", true],
  ["**/", "dir/file", true],
  ["**/**", "dir/file", true],
  ["dir/**", "dir/file", true],
  ["dir/**", "dir/dir2/file", true],
  ["dir/**", "dir", false],
  ["**/dir", "dir", true],
  ["**/dir", "dir/file", true],
  ["**/dir2/*", "dir/dir2/file", true],
  ["**/dir2/**", "dir/dir2/dir2/file", true],
  ["**file", "file", true],
  ["**file", "dir/file", true],
  ["**/file", "dir/file", true],
  ["**/file", "dirfile", false],
  ["**file", "dir/dirfile", true],
  ["**/file*", "dir/file.txt", true],
  ["**/*.txt", "dir/file.txt", true],
  ["**/*.txt", "file.txt", true],
  ["a**/*.txt", "a/file.txt", true],
  ["a**/*.txt", "a/dir/file.txt", true],
  ["a/*.txt", "a/dir/file.txt", false],
  ["a/*.txt", "a/file.txt", true],
  ["a/*.txt**", "a/file.txt", true],
  ["a[b-d]e", "ae", false],
  ["a[b-d]e", "ace", true],
  ["a[^b-d]e", "aze", true],
  [".*", ".foo", true],
  [".*", "foo", false],
  ["abc.def", "abcdef", false],
  ["abc.def", "abc.def", true],
  ["abc?def", "abcZdef", true],
  ["abc?def", "abc/def", false],
  ["a\\*b", "a*b", true],
  ["a\\*b", "axb", false],
  ["a(b)c/def", "a(b)c/def", true],
  ["a.|)$(}+{bc", "a.|)$(}+{bc", true],
  [
    "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
    "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
    true,
  ],
  ["/foo/bar", "foo/bar", true],
  ["foo/", "foo/x", true],
  ["./foo", "foo", true],
  ["foo/../bar", "bar", true],
  ["  foo  ", "foo", true],
  ["# foo", "# foo", false],
  ["node_modules", "sub/node_modules/x", false],
  ["*\n!README*", "README.md", false],
  ["*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true],
  ["*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false],
  ["dir\n!dir/kept", "dir/kept", false],
  ["dir\n!dir/kept", "dir/other", true],
  ["dir\n!dir/kept\ndir", "dir/kept", true],
  ["\uFEFFfoo", "foo", true],
  ["foo\r\nbar\r\n", "bar", true],
])("%j leaves out %j: %s", (text, path, isExcluded) => {
  expect(parseIgnoreRules(text, ".dockerignore").excludes(path)).toBe(isExcluded);
});

test.each(["!", "a[b", "[", "a[]"])("%j is no pattern", (text) => {
  expect(() => parseIgnoreRules(text, "x/.dockerignore")).toThrow(`Cannot read "x/.dockerignore"`);
});

test.each([
  ["node_modules", "node_modules", true],
  ["node_modules\n!kept.txt", "node_modules", true],
  ["node_modules\n!node_modules/a/b", "node_modules", false],
  ["node_modules\n!node_modules/a/b", "node_modules/a", false],
  ["node_modules\n!node_modules/a/b", "node_modules/c", true],
  ["node_modules\n!**/kept", "node_modules", false],
  ["dir\n!d*/kept", "dir", false],
])("%j needs no look below %j: %s", (text, path, needsNone) => {
  expect(parseIgnoreRules(text, "").excludesAllBelow(path)).toBe(needsNone);
});
