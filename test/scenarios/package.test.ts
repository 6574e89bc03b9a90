import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
let folder = "";

// The package as a user gets it. Its dependencies are packed too: there is no network here, and npm takes what stands
// beside a package when the version fits.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lash-package-"));
  const dependencies = Object.keys(packageJson.dependencies).map((name) => join(root, "node_modules", name));
  // Without scripts: `prepack` would build, and other tests run from that folder.
  await run(
    "npm",
    ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder, root, ...dependencies],
    {
      cwd: folder,
    },
  );
  const archives = (await readdir(folder)).filter((file) => file.endsWith(".tgz")).map((file) => `./${file}`);
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  await run("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", ...archives], {
    cwd: folder,
  });
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test("the installed command prints its version", async () => {
  const { stdout } = await run(join(folder, "node_modules", ".bin", "lash"), ["--version"], { cwd: folder });
  expect(stdout).toBe(`${packageJson.version}\n`);
});

test("the installed command checks the examples that come with it", async () => {
  const installed = join(folder, "node_modules", "lashing");
  const lash = join(folder, "node_modules", ".bin", "lash");
  for (const manifest of ["hello/lash.yml", "full-stack/lash.yml", "lightshuttle/lightshuttle.yml"]) {
    const { stdout } = await run(lash, ["--json", "-f", join(installed, "examples", manifest), "validate"]);
    expect(JSON.parse(stdout)).toMatchObject({ valid: true });
  }
});

test("the library is imported by its name and brings a stack up in memory", async () => {
  await writeFile(
    join(folder, "use.js"),
    `import { createMemoryEngine, openStack, parseManifest } from "lashing";
const manifest = parseManifest("project: { name: shop }\\nresources: { web: { container: { image: 'web:1' } } }", "/shop/lash.yml");
await using engine = createMemoryEngine();
await using stack = await openStack(manifest, { engine });
const { ready } = await stack.up();
console.log(ready.join());
await stack.down();
`,
  );
  const { stdout, stderr } = await run(process.execPath, ["use.js"], { cwd: folder });
  expect({ stdout, stderr }).toEqual({ stdout: "web\n", stderr: "" });
});

test("importing the library does nothing", async () => {
  await writeFile(join(folder, "import.js"), 'await import("lashing");\n');
  const { stdout, stderr } = await run(process.execPath, ["import.js"], { cwd: folder, timeout: 20_000 });
  expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
});

test("the package holds the command, the library, the schema, examples and docs, and no tests", async () => {
  const installed = join(folder, "node_modules", "lashing");
  const files = await readdir(installed, { recursive: true });
  for (const file of [
    "dist/cli/main.js",
    "dist/lib/index.js",
    "dist/lib/index.d.ts",
    "schema/lash.json",
    "LICENSE",
    "README.md",
  ]) {
    expect(files).toContain(file);
  }
  expect(files.filter((file) => /\.test\.|\.lash\//.test(file))).toEqual([]);
});
