import { type Clock, systemClock } from "../async/clock.ts";
import { LashError } from "../model/errors.ts";
import { version } from "../model/version.ts";
import type { App } from "./app.ts";
import type { Io } from "./context.ts";
import { exitCodeOf } from "./exit-code.ts";
import type { Interrupts } from "./interrupts.ts";
import { createOutput, type Output } from "./output.ts";
import { type Parsed, parseCommandLine } from "./parse.ts";
import { lazyApp } from "./real-app.ts";
import { errorDocument, errorLines } from "./render/error.ts";
import { commandGroups, commandTable } from "./table.ts";

export interface RunOptions {
  readonly interrupts: Interrupts;
  /** Replaced in tests; by default the real process, composition and time. */
  readonly io?: Io | undefined;
  readonly app?: App | undefined;
  readonly clock?: Clock | undefined;
}

/** Why a command stops when whoever read its output has gone. */
class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** Runs one command line and resolves with its exit code. Errors are printed here and nowhere else. */
export async function run(argv: readonly string[], options: RunOptions): Promise<number> {
  const { interrupts } = options;
  const io = options.io ?? processIo();
  let isLog = false;
  watchOutput(io, { interrupts, mayFail: () => isLog });
  const words = argv.slice(0, argv.indexOf("--") === -1 ? argv.length : argv.indexOf("--"));
  // Field by field: to spread it would open standard input.
  const { stdout, stderr, env } = io;
  const streams = { stdout, stderr, env };
  let output = createOutput({
    ...streams,
    json: words.includes("--json"),
    noColor: words.includes("--no-color"),
  });
  let verbose = false;
  try {
    const parsed = parse(argv, io);
    if (parsed.type === "text") {
      await output.data(parsed.text);
      return 0;
    }
    const { globals, entry } = parsed;
    verbose = globals.verbose;
    isLog = entry.spec.logs === true;
    output = createOutput({ ...streams, json: globals.json, noColor: globals.noColor });
    return await entry.execute(
      {
        io,
        output,
        globals,
        app: options.app ?? lazyApp,
        clock: options.clock ?? systemClock,
        signal: interrupts.signal,
        killSignal: interrupts.killSignal,
        commands: commandTable.map((each) => each.spec),
      },
      parsed.raw,
    );
  } catch (thrown) {
    if (interrupts.signal.reason instanceof OutputClosed) return 0;
    await report(thrown, { output, verbose, interrupts, cwd: io.cwd });
    return exitCodeOf(thrown, interrupts.received());
  }
}

function parse(argv: readonly string[], io: Io): Parsed {
  const columns = io.stdout.columns ?? 80;
  return parseCommandLine(argv, commandTable, { version, columns, groups: commandGroups });
}

interface ReportOptions {
  readonly output: Output;
  readonly verbose: boolean;
  readonly interrupts: Interrupts;
  readonly cwd: string;
}

async function report(thrown: unknown, { output, verbose, interrupts, cwd }: ReportOptions): Promise<void> {
  const interrupted = interrupts.received();
  const said =
    interrupted !== undefined && thrown === interrupts.signal.reason
      ? new LashError("cancelled", `Interrupted by ${interrupted} before it was done`)
      : thrown;
  if (output.json) {
    await output.jsonLine(errorDocument(said));
    return;
  }
  const columns = output.live ? output.columns() : undefined;
  const { talkPaint: paint, told } = output;
  for (const line of errorLines(said, { paint, columns, verbose, cwd, told })) output.talk(line);
}

/** A reader that has gone ends the command in good order and quietly; without one, talk is lost and that is all. */
function watchOutput(
  io: Io,
  { interrupts, mayFail }: { readonly interrupts: Interrupts; readonly mayFail: () => boolean },
): void {
  io.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (mayFail()) return;
    if (error.code !== "EPIPE") throw error;
    interrupts.abort(new OutputClosed("Standard output was closed"));
  });
  io.stderr.on("error", () => {});
}

function processIo(): Io {
  const { stdout, stderr, env, execPath, argv } = process;
  return {
    // Opening standard input costs a handle, so only a command that reads it does.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    self: [execPath, "--", argv[1] ?? ""],
  };
}
