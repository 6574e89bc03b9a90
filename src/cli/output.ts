import { type Paint, paintFor } from "./render/paint.ts";
import { Told } from "./render/told.ts";

/** The part of a standard stream that output needs. */
export interface OutputStream {
  write(data: string | Uint8Array): boolean;
  once(event: "drain" | "close" | "error", listener: () => void): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  readonly writableNeedDrain?: boolean | undefined;
  readonly destroyed?: boolean | undefined;
}

/** How and where a command prints: data on stdout, talk on stderr. */
export interface Output {
  readonly json: boolean;
  /** Colours for stdout and for stderr. */
  readonly paint: Paint;
  readonly talkPaint: Paint;
  /** Whether stderr can be redrawn. */
  readonly live: boolean;
  readonly stdoutIsTerminal: boolean;
  /** Columns of stdout, or of stderr where stdout is no terminal; undefined when neither is. */
  readonly columns: () => number | undefined;
  readonly rows: () => number;
  /** Writes data; resolves when more may be written. */
  readonly data: (text: string | Uint8Array) => Promise<void>;
  /** What was told of the work so far: the error at its end does not say it again. */
  readonly told: Told;
  /** Writes a line of talk. */
  readonly talk: (line: string) => void;
  /** Writes one JSON document, or one line of them. */
  readonly document: (value: unknown) => Promise<void>;
  readonly jsonLine: (value: unknown) => Promise<void>;
}

export interface OutputOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly json: boolean;
  readonly noColor: boolean;
}

/** Output over two streams; colour and redrawing decided once, from flags, environment and terminal. */
export function createOutput({ stdout, stderr, env, json, noColor }: OutputOptions): Output {
  const data = async (text: string | Uint8Array): Promise<void> => {
    if (stdout.destroyed === true) return;
    if (stdout.write(text)) return;
    await new Promise<void>((resolve) => {
      stdout.once("drain", resolve);
      stdout.once("close", resolve);
      stdout.once("error", resolve);
    });
  };
  return {
    json,
    paint: paintFor(hasColor(stdout, env, noColor)),
    talkPaint: paintFor(hasColor(stderr, env, noColor)),
    live: stderr.isTTY === true && env["TERM"] !== "dumb" && !noColor && !json,
    stdoutIsTerminal: stdout.isTTY === true,
    columns: () => stdout.columns ?? stderr.columns,
    rows: () => stderr.rows ?? 24,
    data,
    told: new Told(),
    talk: (line) => void stderr.write(`${line}\n`),
    document: async (value) => data(`${JSON.stringify(value, undefined, 2)}\n`),
    jsonLine: async (value) => data(`${JSON.stringify(value)}\n`),
  };
}

/** NO_COLOR and --no-color win, then FORCE_COLOR; otherwise a terminal that is not dumb has colour. */
function hasColor(
  stream: { readonly isTTY?: boolean | undefined },
  env: NodeJS.ProcessEnv,
  noColor: boolean,
): boolean {
  if (noColor || (env["NO_COLOR"] ?? "") !== "") return false;
  const force = env["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  return stream.isTTY === true && env["TERM"] !== "dumb";
}
