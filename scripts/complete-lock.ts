// Adds to package-lock.json what `npm install` left out: the packages of other platforms, where the registry in use does
// not serve them. Without an entry for each, `npm ci` refuses the whole lock file. `--check` only says what is missing.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const path = join(import.meta.dirname, "..", "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockedPackage> };

const systems = [
  "android",
  "darwin",
  "win32",
  "linux",
  "freebsd",
  "netbsd",
  "openbsd",
  "openharmony",
  "aix",
  "sunos",
];
const processors = ["arm64", "x64", "arm", "ia32", "riscv64", "s390x", "ppc64", "loong64"];

const missing = Object.entries(lock.packages).flatMap(([at, { optionalDependencies = {} }]) =>
  Object.entries(optionalDependencies).filter(
    ([name]) =>
      !(`node_modules/${name}` in lock.packages) && !(`${at}/node_modules/${name}` in lock.packages),
  ),
);

if (process.argv.includes("--check")) {
  for (const [name, version] of missing) console.error(`package-lock.json lacks ${name}@${version}`);
  if (missing.length > 0) console.error("Complete it with: node scripts/complete-lock.ts");
  process.exitCode = missing.length > 0 ? 1 : 0;
} else {
  for (const [name, version] of missing) lock.packages[`node_modules/${name}`] = entryFor(name, version);
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, undefined, 2)}\n`);
  console.log(`added ${missing.length} packages of other platforms`);
}

/** Platform packages say in their names what they are for, as in "@scope/binding-linux-arm64-musl". */
function entryFor(name: string, version: string): LockedPackage {
  const words = name.split(/[/-]/);
  const os = systems.find((each) => words.includes(each));
  const cpu = processors.find((each) => words.includes(each));
  return {
    version: version.replace(/^[\^~]/, ""),
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    dev: true,
    ...(words.includes("musl") ? { libc: ["musl"] } : {}),
    optional: true,
    ...(os === undefined ? {} : { os: [os] }),
  } as LockedPackage;
}
