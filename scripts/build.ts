import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";

const root = join(import.meta.dirname, "..");
// Built aside and moved into place at the end: a test or a person who runs lash meanwhile never meets half of it.
const out = join(root, "node_modules", ".cache", `lash-build-${process.pid}`);

/** Of Node's own modules those that its start has loaded anyway: putting these off would gain nothing. */
const loadedByNode = new Set(
  ["buffer", "events", "fs", "path", "process", "timers", "url"].map((name) => `node:${name}`),
);

/**
 * Loads Node's own modules at the first call of one of their functions, as most commands call few of them and each
 * costs 1 to 4 ms. They come from `process.getBuiltinModule`, as an `import` of one reads all of its exports, lazy
 * ones too: `node:http` then loads undici for its `WebSocket`, `node:crypto` all of WebCrypto.
 * `main` keeps its imports: it must get as far as its version check on a Node that has no such function.
 */
const lazyBuiltins: Plugin = {
  name: "lazy-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, importer }) =>
      importer.endsWith("/cli/main.ts") ? { path, external: true } : { path, namespace: "builtin" },
    );
    build.onResolve({ filter: /^lazily$/ }, ({ path }) => ({ path, namespace: "builtin" }));
    build.onLoad({ filter: /^lazily$/, namespace: "builtin" }, () => ({ contents: lazily }));
    build.onLoad({ filter: /^node:/, namespace: "builtin" }, ({ path }) => ({
      contents: builtinModule(path),
    }));
  },
};

/** A function or class that stands for one of a module, which is loaded when it is used. */
const lazily = `export function lazily(path, name) {
  const own = () => process.getBuiltinModule(path)[name];
  return new Proxy(function () {}, {
    apply: (_, self, args) => Reflect.apply(own(), self, args),
    construct: (_, args, target) => Reflect.construct(own(), args, target),
    get: (_, key) => own()[key],
  });
}`;

function builtinModule(path: string): string {
  const exports = Object.entries(process.getBuiltinModule(path) as object).filter(([name]) =>
    /^(?!default$)[A-Za-z]\w*$/.test(name),
  );
  const lines = exports.map(([name, value]) =>
    typeof value !== "function" || loadedByNode.has(path)
      ? `export const ${name} = /* @__PURE__ */ of(${JSON.stringify(name)});`
      : `export const ${name} = /* @__PURE__ */ lazily(${JSON.stringify(path)}, ${JSON.stringify(name)});`,
  );
  return [
    'import { lazily } from "lazily";',
    `const of = (name) => process.getBuiltinModule(${JSON.stringify(path)})[name];`,
    ...lines,
    `export default /* @__PURE__ */ new Proxy({}, { get: (_, key) => of(key) });`,
  ].join("\n");
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
try {
  buildLibrary();
  await buildCommand();
  const dist = join(root, "dist");
  rmSync(dist, { recursive: true, force: true });
  renameSync(out, dist);
  linkCommand();
} finally {
  rmSync(out, { recursive: true, force: true });
}

/** Makes `npx --no lash` find the command in a checkout, as it would in a project that has the package installed. */
function linkCommand(): void {
  const link = join(root, "node_modules", ".bin", "lash");
  rmSync(link, { force: true });
  symlinkSync(join("..", "..", "dist", "cli", "main.js"), link);
}

/** Plain modules with their types, so that a program's own bundler and debugger see them as they are. */
function buildLibrary(): void {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const argv = [tsc, "-p", "tsconfig.build.json", "--outDir", join(out, "lib")];
  execFileSync(process.execPath, argv, { cwd: root, stdio: "inherit" });
}

/** Few files, each loaded when a command needs it. `main` must stay free of what an old Node cannot parse. */
async function buildCommand(): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: { main: "src/cli/main.ts" },
    outdir: join(out, "cli"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.14",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "linked",
    chunkNames: "chunks/[name]-[hash]",
    // Only what serves needs them, and CommonJS that asks for more at run time cannot be split into ES modules.
    external: ["pino", "ws", "hono", "hono/*", "@hono/node-server", "@prometheus-io/client"],
    // Its entry for Node is CommonJS, which cannot be split or shaken; the other one is the same code as ES modules.
    alias: { yaml: "./node_modules/yaml/browser/index.js" },
    define: { LASH_BUILD: JSON.stringify(sourceHash()) },
    plugins: [lazyBuiltins],
    logLevel: "warning",
  });
  chmodSync(join(out, "cli", "main.js"), 0o755);
}

/** Names what the command is made from: its sources and the packages in it. */
function sourceHash(): string {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).sort();
  const paths = [
    ...files.filter((file) => file.endsWith(".ts")).map((file) => join("src", file)),
    "package-lock.json",
  ];
  const hash = createHash("sha256");
  for (const path of paths) hash.update(path).update(readFileSync(join(root, path)));
  return hash.digest("hex").slice(0, 16);
}
