// The one gate: everything that must hold before a commit that matters. Runs each check to its end and fails with all
// that failed, so that one run tells everything.
import { spawn } from "node:child_process";
import { once } from "node:events";

const needed = [22, 14] as const;
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  console.error(`npm run ok needs Node ${needed.join(".")} or newer, this is ${process.version}.`);
  console.error("`npm ci` brings Node 24 in; with --ignore-scripts its binary is missing.");
  process.exit(2);
}

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["format", "biome", "ci", "."],
  ["lint", "oxlint", "--type-aware", "--deny-warnings"],
  ["types", "tsc", "-p", "."],
  ["lock file is complete", "node", "scripts/complete-lock.ts", "--check"],
  ["schema is current", "node", "scripts/schema.ts", "--check"],
  ["build", "node", "scripts/build.ts"],
  ["docs are current", "node", "scripts/cli-docs.ts", "--check"],
  ["failures are documented", "node", "scripts/failure-docs.ts", "--check"],
  ["unit tests", "vitest", "run", "--project", "unit"],
  ["no unused code", "knip"],
  ["package", "publint", "--strict"],
  ["types of the package", "attw", "--pack", ".", "--profile", "esm-only", "--quiet"],
];

const failed: string[] = [];
for (const [name, command, ...args] of checks) {
  const startedAt = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  const [code] = (await once(child, "close")) as [number | null];
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (code !== 0) {
    failed.push(name);
    process.stdout.write(Buffer.concat(output));
  }
}
if (failed.length > 0) {
  console.error(`Not ok: ${failed.join(", ")}`);
  process.exitCode = 1;
}
