import type { Readable } from "node:stream";
import type { App } from "../../../../src/cli/app.ts";
import { run } from "../../../../src/cli/run.ts";
import { ManualClock } from "./clock.ts";
import { fakeApp, fakeHandle } from "./stack.ts";
import { fakeIo } from "./streams.ts";

export interface RunCommandOptions {
  readonly app?: App;
  readonly columns?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Standard input. */
  readonly input?: string | Readable;
}

/** Runs one command line against a fake stack and gives everything it said, and its interrupts while it runs. */
export function startCommand(argv: readonly string[], options: RunCommandOptions = {}) {
  const { io, stdout, stderr } = fakeIo(options);
  const stop = new AbortController();
  const kill = new AbortController();
  let received: "SIGINT" | "SIGTERM" | undefined;
  const done = run(argv, {
    io,
    app: options.app ?? fakeApp(fakeHandle().handle),
    clock: new ManualClock(),
    interrupts: {
      signal: stop.signal,
      killSignal: kill.signal,
      received: () => received,
      abort: (reason) => stop.abort(reason),
    },
  });
  return {
    done,
    stdout,
    stderr,
    interrupt(name: "SIGINT" | "SIGTERM"): void {
      received = name;
      stop.abort(new Error(`Interrupted by ${name}`));
    },
  };
}

export async function runCommand(argv: readonly string[], options: RunCommandOptions = {}) {
  const { done, stdout, stderr } = startCommand(argv, options);
  const code = await done;
  return { code, stdout: stdout.text, stderr: stderr.text };
}
