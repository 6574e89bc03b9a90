#!/usr/bin/env -S node --
import * as module from "node:module";
import { version } from "../model/version.ts";
import { listenForInterrupts } from "./interrupts.ts";

// Everything else is imported only after the version check: it may use what an older Node cannot even parse.
const interrupts = listenForInterrupts(process);
const argv = process.argv.slice(2);
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 14)) {
  process.stderr.write(
    `error[usage] Cannot run on Node ${process.versions.node}: Lash ${version} needs Node 22.14 or newer\n`,
  );
  process.stderr.write("  Install a newer Node, or put one first in PATH\n");
  process.exitCode = 2;
} else if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  process.stdout.write(`${version}\n`);
} else {
  module.enableCompileCache?.();
  const { run } = await import("./run.ts");
  // A command that waits for events alone has nothing else that would keep the process.
  const alive = setInterval(() => {}, 2 ** 30);
  process.exitCode = await run(argv, { interrupts });
  clearInterval(alive);
  // A connection that something forgot must not keep a finished command alive; unref'd, this fires only then.
  setTimeout(() => process.exit(), 1_000).unref();
}
