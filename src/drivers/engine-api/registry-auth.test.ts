import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LashError } from "../../model/errors.ts";
import { registryAuth, registryConfig } from "./registry-auth.ts";

const signal = new AbortController().signal;

/** Docker's configuration folder with this config.json and credential helper. */
async function configured(
  config: unknown,
  helper?: string,
): Promise<AsyncDisposable & { readonly env: Record<string, string> }> {
  const folder = await mkdtemp(join(tmpdir(), "lash-auth-"));
  const text = typeof config === "string" ? config : JSON.stringify(config);
  await writeFile(join(folder, "config.json"), text);
  if (helper !== undefined) {
    const program = join(folder, "docker-credential-test");
    await writeFile(program, `#!/bin/sh\n${helper}\n`);
    await chmod(program, 0o755);
  }
  return {
    env: { DOCKER_CONFIG: folder, PATH: `${folder}:/usr/bin:/bin` },
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true }),
  };
}

function decoded(header: string | undefined): unknown {
  return header === undefined ? undefined : JSON.parse(Buffer.from(header, "base64url").toString());
}

const auth = Buffer.from("me:pass:word").toString("base64");

test.each([
  { key: "ghcr.io", registry: "ghcr.io", serveraddress: "ghcr.io" },
  { key: "https://ghcr.io/v2/", registry: "ghcr.io", serveraddress: "ghcr.io" },
  { key: "https://index.docker.io/v1/", registry: "docker.io", serveraddress: "https://index.docker.io/v1/" },
  { key: "docker.io", registry: "docker.io", serveraddress: "https://index.docker.io/v1/" },
  { key: "127.0.0.1:5000", registry: "127.0.0.1:5000", serveraddress: "127.0.0.1:5000" },
])("reads $key of auths for $registry", async ({ key, registry, serveraddress }) => {
  await using config = await configured({ auths: { [key]: { auth } } });
  const header = await registryAuth(registry, { env: config.env, signal });
  expect(decoded(header)).toEqual({ username: "me", password: "pass:word", serveraddress });
  expect((header ?? "").length % 4).toBe(0);
});

test("who has not logged in sends nothing", async () => {
  await using config = await configured({ auths: { "ghcr.io": { auth }, "quay.io": {} } });
  expect(await registryAuth("docker.io", { env: config.env, signal })).toBeUndefined();
  expect(await registryAuth("quay.io", { env: config.env, signal })).toBeUndefined();
  expect(await registryAuth("docker.io", { env: { DOCKER_CONFIG: "/nonexistent" }, signal })).toBeUndefined();
});

test("an identity token goes instead of a password", async () => {
  await using config = await configured({ auths: { "a.io": { auth, identitytoken: "token" } } });
  expect(decoded(await registryAuth("a.io", { env: config.env, signal }))).toEqual({
    username: "me",
    identitytoken: "token",
    serveraddress: "a.io",
  });
});

test("a credential helper is asked for the registry, and for Docker Hub by its old name", async () => {
  const helper = `read key; echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"$key\\"}"`;
  await using config = await configured(
    { credsStore: "none", credHelpers: { "a.io": "test", "docker.io": "test" } },
    helper,
  );
  const options = { env: config.env, signal };
  expect(decoded(await registryAuth("a.io", options))).toMatchObject({ username: "get", password: "a.io" });
  expect(decoded(await registryAuth("docker.io", options))).toMatchObject({
    password: "https://index.docker.io/v1/",
  });
});

test("a helper that knows of none is no error, and auths count then", async () => {
  const helper = "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1";
  await using config = await configured({ credsStore: "test", auths: { "a.io": { auth } } }, helper);
  expect(await registryAuth("b.io", { env: config.env, signal })).toBeUndefined();
  expect(decoded(await registryAuth("a.io", { env: config.env, signal }))).toMatchObject({ username: "me" });
});

test.each([
  { helper: "cat >/dev/null; echo s3cret; echo s3cret >&2; exit 1", why: "failed with exit code 1" },
  { helper: "cat >/dev/null; echo s3cret", why: "answered with something that is no JSON" },
])("what a broken helper prints stays secret: $why", async ({ helper, why }) => {
  await using config = await configured({ credsStore: "test" }, helper);
  const error: unknown = await registryAuth("a.io", { env: config.env, signal }).catch(
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(LashError);
  expect(String(error)).toContain(why);
  expect(JSON.stringify([String(error), error, (error as LashError).data])).not.toContain("s3cret");
});

test("a missing helper is named, a helper that hangs ends with the signal", async () => {
  await using missing = await configured({ credsStore: "absent" });
  await expect(registryAuth("a.io", { env: missing.env, signal })).rejects.toThrow(
    "docker-credential-absent is not installed",
  );
  await using hanging = await configured({ credsStore: "test" }, "exec sleep 60");
  const reason = new Error("enough");
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 50);
  await expect(registryAuth("a.io", { env: hanging.env, signal: controller.signal })).rejects.toBe(reason);
});

test("a configuration that is no JSON is named without its text", async () => {
  await using config = await configured("{ s3cret");
  const error: unknown = await registryAuth("a.io", { env: config.env, signal }).catch(
    (cause: unknown) => cause,
  );
  expect(String(error)).toMatch(/it is no JSON/);
  expect(String(error)).not.toContain("s3cret");
});

test("registryConfig() has the known registries only", async () => {
  await using config = await configured({ auths: { "a.io": { auth } } });
  const options = { env: config.env, signal };
  expect(await registryConfig(["b.io"], options)).toBeUndefined();
  expect(Object.keys(decoded(await registryConfig(["a.io", "b.io"], options)) as object)).toEqual(["a.io"]);
});
