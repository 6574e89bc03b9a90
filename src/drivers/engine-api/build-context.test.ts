import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { openBuildContext } from "./build-context.ts";
import { collect } from "./testing/scripted-engine.ts";

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function folderWith(files: Readonly<Record<string, string>>): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "lash-context-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) };
}

async function namesIn(tar: AsyncIterable<Uint8Array>): Promise<string[]> {
  const input = Buffer.concat(await collect(tar));
  return execFileSync("tar", ["-t"], { input }).toString().trim().split("\n");
}

test("openBuildContext() sends a folder less what .dockerignore leaves out, in order", async () => {
  await using folder = await folderWith({
    Dockerfile: "FROM scratch",
    ".dockerignore": "node_modules\n!node_modules/kept\n*.log\nDockerfile\n.dockerignore\n",
    "b.txt": "",
    "a.log": "",
    "node_modules/x": "",
    "node_modules/kept": "",
    "sub/c.log": "",
  });
  const context = await openBuildContext(folder.path, "Dockerfile");
  expect(context.dockerfile).toBe("Dockerfile");
  expect(context.text).toBe("FROM scratch");
  expect(await namesIn(context.tar)).toEqual([
    ".dockerignore",
    "Dockerfile",
    "b.txt",
    "node_modules/kept",
    "sub/",
    "sub/c.log",
  ]);
});

test("openBuildContext() prefers the Dockerfile's own ignore file, and sends a Dockerfile in a folder left out", async () => {
  await using folder = await folderWith({
    "build/app.Dockerfile": "FROM scratch",
    "build/app.Dockerfile.dockerignore": "build\nleft\n",
    ".dockerignore": "kept",
    left: "",
    kept: "",
  });
  const context = await openBuildContext(folder.path, "build/app.Dockerfile");
  expect(await namesIn(context.tar)).toEqual([".dockerignore", "build/app.Dockerfile", "kept"]);
});

test("openBuildContext() sends a Dockerfile from outside under a name of its own", async () => {
  await using folder = await folderWith({ "context/a": "", "Dockerfile.outside": "FROM scratch" });
  const context = await openBuildContext(
    join(folder.path, "context"),
    join(folder.path, "Dockerfile.outside"),
  );
  expect(context.dockerfile).toMatch(/^\.dockerfile\.[0-9a-f]{16}$/);
  expect(await namesIn(context.tar)).toEqual([context.dockerfile, "a"]);
});

test("openBuildContext() sends links as links, also those that loop", async () => {
  await using folder = await folderWith({ Dockerfile: "" });
  await symlink(".", join(folder.path, "loop"));
  await symlink("/nonexistent", join(folder.path, "dangling"));
  const context = await openBuildContext(folder.path, "Dockerfile");
  expect(await namesIn(context.tar)).toEqual(["Dockerfile", "dangling", "loop"]);
});

test("a file that shrinks while it is sent fails the build, one that grows is cut", async () => {
  await using folder = await folderWith({ Dockerfile: "", a: "", z: "z".repeat(1000) });
  const shrinking = (await openBuildContext(folder.path, "Dockerfile")).tar[Symbol.asyncIterator]();
  const sizes: number[] = [];
  const draining = async (change: () => Promise<void>): Promise<void> => {
    for (let next = await shrinking.next(); next.done !== true; next = await shrinking.next()) {
      sizes.push(next.value.length);
      // The third header is that of "z": it has been measured by then.
      if (sizes.length === 3) await change();
    }
  };
  await expect(draining(async () => await truncate(join(folder.path, "z"), 10))).rejects.toMatchObject({
    code: "usage",
  });
  await writeFile(join(folder.path, "z"), "z".repeat(1000));
  const context = await openBuildContext(folder.path, "Dockerfile");
  let seen = 0;
  const pieces: Uint8Array[] = [];
  for await (const piece of context.tar) {
    pieces.push(piece);
    seen += 1;
    if (seen === 3) await writeFile(join(folder.path, "z"), "z".repeat(5000));
  }
  const listing = execFileSync("tar", ["-tv"], { input: Buffer.concat(pieces) }).toString();
  expect(listing).toMatch(/ 1000 .* z\n$/);
});

test("what cannot be read is named", async () => {
  await using folder = await folderWith({ a: "" });
  await expect(openBuildContext(folder.path, "Dockerfile")).rejects.toThrow(
    'Cannot read Dockerfile "Dockerfile": there is no such file',
  );
});
