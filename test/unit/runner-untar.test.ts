import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openBuildContext } from "../../src/drivers/engine-api/build-context.ts";
import { type TarEntry, writeTar } from "../../src/drivers/engine-api/tar.ts";
import { unpackTar } from "../../src/runner/untar.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lash-untar-"));
  await mkdir(join(folder, "from"));
  await mkdir(join(folder, "to"));
});
afterEach(() => rm(folder, { recursive: true }));

const common = { mode: 0o644, mtimeMs: 1_000_000 };
const link = (path: string, target: string): TarEntry => ({ ...common, path, type: "symlink", target });

function file(path: string, text = "x"): TarEntry {
  async function* content(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  return { ...common, path, type: "file", size: Buffer.byteLength(text), content: content() };
}

async function unpack(...entries: readonly TarEntry[]): Promise<void> {
  async function* given(): AsyncGenerator<TarEntry> {
    yield* entries;
  }
  await unpackTar(writeTar(given()), join(folder, "to"));
}

test("a build context arrives as it was: files, modes, times, links, long and odd names", async () => {
  const from = join(folder, "from");
  const long = "d".repeat(90);
  await mkdir(join(from, long, long), { recursive: true });
  await writeFile(join(from, "Dockerfile"), "FROM x\n");
  await writeFile(join(from, long, long, "häuser 家.txt"), "deep", { mode: 0o750 });
  await writeFile(join(from, "large"), Buffer.alloc(300_001, 7));
  await writeFile(join(from, "empty"), "");
  await symlink("../anywhere", join(from, "link"));
  const { tar } = await openBuildContext(from, "Dockerfile");
  const to = join(folder, "to");
  await unpackTar(tar, to);
  expect((await readdir(to, { recursive: true })).sort()).toEqual(
    (await readdir(from, { recursive: true })).sort(),
  );
  expect(await readFile(join(to, long, long, "häuser 家.txt"), "utf8")).toBe("deep");
  expect((await readFile(join(to, "large"))).equals(Buffer.alloc(300_001, 7))).toBe(true);
  expect(await readlink(join(to, "link"))).toBe("../anywhere");
  for (const name of ["Dockerfile", join(long, long, "häuser 家.txt"), long]) {
    const [was, is] = [await lstat(join(from, name)), await lstat(join(to, name))];
    expect(is.mode).toBe(was.mode);
    expect(Math.floor(is.mtimeMs / 1000)).toBe(Math.floor(was.mtimeMs / 1000));
  }
});

test.each([
  ["an absolute path", [file("/etc/x")]],
  ["a path that leads up", [file("a/../../x")]],
  ["a path with a dot", [file("./x")]],
  ["a file below a link", [link("out", ".."), file("out/x")]],
  ["a folder over a link", [link("out", ".."), { ...common, path: "out", type: "directory" }]],
  ["a file twice", [file("a"), file("a")]],
  ["a file below a file", [file("a"), file("a/b")]],
] as const)("unpackTar() refuses %s and writes nothing outside", async (_what, entries) => {
  await expect(unpack(...entries)).rejects.toThrow(/Cannot unpack the build context/);
  expect((await readdir(folder)).sort()).toEqual(["from", "to"]);
});

test("unpackTar() refuses other kinds, and what ends in the middle", async () => {
  const tar: Uint8Array[] = [];
  async function* entries(): AsyncGenerator<TarEntry> {
    yield file("a", "x".repeat(1000));
  }
  for await (const chunk of writeTar(entries())) tar.push(chunk);
  const whole = Buffer.concat(tar);
  async function* given(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  await expect(unpackTar(given(whole.subarray(0, 700)), join(folder, "to"))).rejects.toThrow(
    /ends in the middle/,
  );
  const device = Buffer.from(whole);
  device[156] = "3".charCodeAt(0);
  await rm(join(folder, "to", "a"));
  await expect(unpackTar(given(device), join(folder, "to"))).rejects.toThrow(/type "3"/);
});
