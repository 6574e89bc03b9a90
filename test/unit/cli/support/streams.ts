import { Readable } from "node:stream";
import type { Io } from "../../../../src/cli/context.ts";

/** A standard stream that keeps what is written; a terminal when it has columns. */
class Stream {
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  text = "";
  readonly #listeners = new Map<string, ((value: unknown) => void)[]>();

  constructor(columns?: number) {
    this.isTTY = columns !== undefined;
    this.columns = columns;
    this.rows = columns === undefined ? undefined : 24;
  }

  write(data: string | Uint8Array): boolean {
    this.text += typeof data === "string" ? data : Buffer.from(data).toString("utf8");
    return true;
  }

  on(event: string, listener: (value: unknown) => void): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return this;
  }

  once(event: string, listener: (value: unknown) => void): this {
    return this.on(event, listener);
  }

  off(): this {
    return this;
  }

  emit(event: string, value: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value);
  }
}

/** A process's surroundings for one command. */
export function fakeIo(
  options: {
    readonly columns?: number;
    readonly env?: NodeJS.ProcessEnv;
    /** What is piped in; undefined: a terminal where there are columns, else nothing. */
    readonly input?: string | Readable;
  } = {},
) {
  const { columns, input = columns === undefined ? "" : undefined } = options;
  const piped = typeof input === "string" ? Readable.from(input === "" ? [] : [Buffer.from(input)]) : input;
  const stdout = new Stream(options.columns);
  const stderr = new Stream(options.columns);
  const io = {
    stdin: (piped ?? new Stream(columns)) as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    env: options.env ?? {},
    cwd: "/project",
    self: ["node", "lash"],
  } satisfies Io;
  return { io, stdout, stderr };
}
