import { readFile } from "node:fs/promises";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { type BenchBed, root } from "../lib/bench-bed.ts";
import { runTimed } from "../lib/timed-command.ts";

/** What the numbers were measured on. */
export type Conditions = Readonly<Record<string, string>>;

/** Versions of everything, the machine, and how busy it was before the first run. */
export async function describeConditions(bed: BenchBed): Promise<Conditions> {
  const [compose, system] = await Promise.all([
    runTimed({
      argv: [...bed.compose, "version", "--short"],
      env: bed.envFor(bed.engine.socket),
      cwd: bed.folder,
      timeoutMs: 10_000,
    }),
    readFile("/etc/os-release", "utf8"),
  ]);
  const processors = cpus();
  return {
    date: `${new Date().toISOString().slice(0, 16)}Z`,
    Lash: `${await versionOf("package.json")} (${process.env.LASH_BENCH_COMMIT ?? "unknown"})`,
    "Docker Engine": bed.engine.version,
    "Docker Compose": compose.stdout.trim(),
    Node: process.versions.node,
    "yaml (npm)": await versionOf("node_modules/yaml/package.json"),
    system: `${/PRETTY_NAME="(.*)"/.exec(system)?.[1] ?? "unknown"}, kernel ${release()}`,
    machine: `${processors.length} x ${processors[0]?.model.trim() || "processor of unknown model"}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    "load before": (loadavg()[0] ?? 0).toFixed(2),
  };
}

async function versionOf(file: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, file), "utf8")) as { readonly version: string };
  return version;
}
