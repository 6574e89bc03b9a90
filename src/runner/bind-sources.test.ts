import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolveBind } from "./bind-sources.ts";

let folder = "";
let root = "";

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "lash-binds-")));
  root = join(folder, "root");
  await mkdir(join(root, "data"), { recursive: true });
  await mkdir(join(folder, "outside"));
  await writeFile(join(folder, "outside", "secret"), "");
  await symlink(join(folder, "outside"), join(root, "out"));
  await symlink(join(folder, "nowhere"), join(root, "dangling"));
  await symlink(join(root, "data"), join(root, "in"));
  await symlink(root, join(folder, "also-root"));
});
afterAll(() => rm(folder, { recursive: true }));

const roots = (): { source: string; readOnly: boolean }[] => [{ source: root, readOnly: false }];

test("resolveBind() gives the real path below a root, also of what does not exist yet", async () => {
  expect(await resolveBind(root, roots())).toEqual({ path: root });
  expect(await resolveBind(join(root, "data"), roots())).toEqual({ path: join(root, "data") });
  expect(await resolveBind(join(root, "in"), roots())).toEqual({ path: join(root, "data") });
  expect(await resolveBind(join(root, "new", "deep"), roots())).toEqual({ path: join(root, "new", "deep") });
});

test("resolveBind() refuses what a link leads out of", async () => {
  for (const path of ["out", "out/secret", "dangling", "dangling/x", "out/new"])
    expect(await resolveBind(join(root, path), roots()), `source ${path}`).toHaveProperty("refusal");
});

test("resolveBind() follows the root itself, if that is a link", async () => {
  const linked = [{ source: join(folder, "also-root"), readOnly: false }];
  expect(await resolveBind(join(folder, "also-root", "data"), linked)).toEqual({ path: join(root, "data") });
  expect(await resolveBind(join(folder, "also-root", "out"), linked)).toHaveProperty("refusal");
});

test("resolveBind() allows a root that it cannot see, and nothing below it", async () => {
  const unseen = [{ source: join(folder, "not-here"), readOnly: false }];
  expect(await resolveBind(join(folder, "not-here"), unseen)).toEqual({ path: join(folder, "not-here") });
  expect(await resolveBind(join(folder, "not-here", "x"), unseen)).toHaveProperty("refusal");
});
