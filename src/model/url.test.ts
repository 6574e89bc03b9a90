import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeUrlComponent, formatUrl } from "./url.ts";

test.each([
  ["plain-1._~", "plain-1._~"],
  [":/?#[]@", "%3A%2F%3F%23%5B%5D%40"],
  ["!$&'()*+,;=", "%21%24%26%27%28%29%2A%2B%2C%3B%3D"],
  ["a b%", "a%20b%25"],
  ["ü€", "%C3%BC%E2%82%AC"],
  ["", ""],
  ["\uD800", "%EF%BF%BD"],
])("encodeUrlComponent(%j)", (text, encoded) => {
  expect(encodeUrlComponent(text)).toBe(encoded);
});

test("formatUrl() leaves out what is not there", () => {
  expect(formatUrl({ scheme: "http", host: "api", port: "80" })).toBe("http://api:80");
  expect(formatUrl({ scheme: "redis", password: "p", host: "c", port: "1" })).toBe("redis://:p@c:1");
  expect(formatUrl({ scheme: "redis", password: "", host: "c", port: "1" })).toBe("redis://c:1");
  expect(formatUrl({ scheme: "http", host: "::1", port: "80", path: "a" })).toBe("http://[::1]:80/a");
});

test("a URL parser reads user and password back, whatever they hold", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: "grapheme" }),
      fc.string({ minLength: 1, unit: "grapheme" }),
      (user, password) => {
        const url = new URL(
          formatUrl({ scheme: "postgres", user, password, host: "db", port: "5432", path: "shop" }),
        );
        expect([decodeURIComponent(url.username), decodeURIComponent(url.password), url.host]).toEqual([
          user,
          password,
          "db:5432",
        ]);
      },
    ),
  );
});
