import { execFileSync } from "node:child_process";
import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type TarEntry, writeTar } from "./tar.ts";
import { collect } from "./testing/scripted-engine.ts";

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* listed(entries: readonly TarEntry[]): AsyncGenerator<TarEntry> {
  yield* entries;
}

function file(path: string, text: string, mode = 0o644): TarEntry {
  const bytes = Buffer.from(text);
  return { path, mode, mtimeMs: 1_700_000_000_000, type: "file", size: bytes.length, content: one(bytes) };
}

/** Unpacks with the system's tar and hands over the folder. */
async function unpacked(
  entries: readonly TarEntry[],
  look: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lash-tar-"));
  try {
    const tar = Buffer.concat(await collect(writeTar(listed(entries))));
    expect(tar.length % 512).toBe(0);
    await writeFile(join(folder, "a.tar"), tar);
    execFileSync("tar", ["-x", "-f", "a.tar", "--warning=all"], { cwd: folder, stdio: "pipe" });
    await rm(join(folder, "a.tar"));
    await look(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("writeTar() is what the system's tar unpacks: names, modes, links, times, contents", async () => {
  const long = "d".repeat(99);
  const entries: TarEntry[] = [
    { path: long, mode: 0o755, mtimeMs: 0, type: "directory" },
    file(`${long}/${"é".repeat(60)}`, "deep"),
    file("run.sh", "#!/bin/sh", 0o755),
    file("empty", ""),
    file("block", "x".repeat(512)),
    { path: "link", mode: 0o777, mtimeMs: 0, type: "symlink", target: "run.sh" },
    { path: "far", mode: 0o777, mtimeMs: 0, type: "symlink", target: `/${"t".repeat(150)}` },
  ];
  await unpacked(entries, async (folder) => {
    expect(await readFile(join(folder, long, "é".repeat(60)), "utf8")).toBe("deep");
    expect((await lstat(join(folder, "run.sh"))).mode & 0o777).toBe(0o755);
    expect((await lstat(join(folder, "run.sh"))).mtimeMs).toBe(1_700_000_000_000);
    expect((await lstat(join(folder, "empty"))).size).toBe(0);
    expect((await lstat(join(folder, "block"))).size).toBe(512);
    expect(await readlink(join(folder, "link"))).toBe("run.sh");
    expect(await readlink(join(folder, "far"))).toBe(`/${"t".repeat(150)}`);
  });
});

test("writeTar() keeps names of every length and what they hold", async () => {
  const anyName = fc.string({ unit: fc.constantFrom("a", "b", "é", " ", "'"), minLength: 1, maxLength: 120 });
  const anyFiles = fc.uniqueArray(
    anyName.filter((name) => Buffer.byteLength(name) < 250),
    { maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(anyFiles, fc.string(), async (names, text) => {
      await unpacked(
        names.map((name) => file(name, text)),
        async (folder) => {
          expect((await readdir(folder)).sort()).toEqual([...names].sort());
          for (const name of names) expect(await readFile(join(folder, name), "utf8")).toBe(text);
        },
      );
    }),
    { numRuns: 20 },
  );
});

test("writeTar() rejects when a file gives another number of bytes", async () => {
  const entry = { ...file("x", "four"), size: 5 } as TarEntry;
  await expect(collect(writeTar(listed([entry])))).rejects.toThrow('"x" gave 4 bytes instead of 5');
});
