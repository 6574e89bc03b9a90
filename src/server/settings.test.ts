import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isLoopback, readServerSettings, serverSettingsText } from "./settings.ts";

const token = "0123456789abcdef";

test("defaults", () => {
  expect(readServerSettings({})).toEqual({
    host: "127.0.0.1",
    port: 3010,
    token: undefined,
    allowedHosts: [],
    logLevel: "info",
    shutdownMs: 10_000,
    drainMs: 0,
  });
});

test("flags win; an empty variable counts as unset", () => {
  const settings = readServerSettings(
    { LASH_SERVER_HOST: "", LASH_SERVER_PORT: "1" },
    { host: "localhost", port: 8080 },
  );
  expect(settings).toMatchObject({ host: "localhost", port: 8080 });
});

test.each([
  ["LASH_SERVER_HOST", "a b"],
  ["LASH_SERVER_HOST", "http://x"],
  ["LASH_SERVER_HOST", "1.2.3.4:80"],
  ["LASH_SERVER_PORT", "-1"],
  ["LASH_SERVER_PORT", "65536"],
  ["LASH_SERVER_PORT", "80a"],
  ["LASH_SERVER_PORT", "NaN"],
  ["LASH_SERVER_PORT", "1e3"],
  ["LASH_SERVER_TOKEN", "short"],
  ["LASH_SERVER_TOKEN", "has spaces in it, many"],
  ["LASH_SERVER_TOKEN_FILE", "/nowhere/at/all"],
  ["LASH_SERVER_ALLOWED_HOSTS", "a,b c"],
  ["LASH_SERVER_ALLOWED_HOSTS", "*"],
  ["LASH_SERVER_LOG_LEVEL", "loud"],
  ["LASH_SERVER_SHUTDOWN_MS", "-5"],
  ["LASH_SERVER_DRAIN_MS", "Infinity"],
])("%s=%s is refused by its name", (name, value) => {
  expect(() => readServerSettings({ [name]: value })).toThrow(
    expect.objectContaining({ code: "usage", message: expect.stringContaining(name) as unknown }) as Error,
  );
});

test("a bad token is not repeated", () => {
  expect(() => readServerSettings({ LASH_SERVER_TOKEN: "geheim" })).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining("geheim") as unknown }) as Error,
  );
});

test.each(["0.0.0.0", "::", "10.0.0.1", "lash.example"])("%s needs a token", (host) => {
  expect(() => readServerSettings({ LASH_SERVER_HOST: host })).toThrow(/LASH_SERVER_TOKEN/);
  expect(readServerSettings({ LASH_SERVER_HOST: host, LASH_SERVER_TOKEN: token })).toMatchObject({
    host,
    token,
  });
});

test("what is loopback", () => {
  expect(["127.0.0.1", "127.8.8.8", "::1", "localhost"].every(isLoopback)).toBe(true);
  expect(["0.0.0.0", "::", "1270.0.1", "127.evil.example", "localhost.evil.example"].some(isLoopback)).toBe(
    false,
  );
});

test("a token from a file, without its line end; not from both", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lash-token-"));
  const file = join(folder, "token");
  await writeFile(file, `${token}\n`);
  expect(readServerSettings({ LASH_SERVER_TOKEN_FILE: file }).token).toBe(token);
  expect(() => readServerSettings({ LASH_SERVER_TOKEN_FILE: file, LASH_SERVER_TOKEN: token })).toThrow(
    /LASH_SERVER_TOKEN_FILE/,
  );
  await rm(folder, { recursive: true });
});

test("the printed settings hold no secret", () => {
  const text = serverSettingsText(readServerSettings({ LASH_SERVER_TOKEN: token }));
  expect(text).toContain("LASH_SERVER_TOKEN=(set)");
  expect(text).not.toContain(token);
});
