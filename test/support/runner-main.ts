// A runner as a process of its own: settings come from the environment, logs go to stdout.
import { runRunner } from "../../src/app/serve-runner.ts";

const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort(new Error(name)));

try {
  await runRunner({ environment: process.env, signal: stop.signal });
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
