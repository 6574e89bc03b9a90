import type { Duplex } from "node:stream";
import type { ExecOptions, ExecSession } from "../../engine/engine.ts";
import { LashError } from "../../model/errors.ts";
import { type EngineClient, pathPart } from "./client.ts";
import { connectionError } from "./errors.ts";
import { type FramePiece, readFrames, readRaw } from "./frames.ts";

/** Starting a process in a container waits for the runtime: 50 ms, seconds on a loaded machine. */
const execDeadlineMs = 60_000;
/** The engine may close the stream a moment before it has noted the exit code. */
const exitCodeTries = 50;
const exitCodePauseMs = 20;

/** Runs a command in a container over a raw connection. Disposing closes it; the engine leaves the command running. */
export async function openExec(
  client: EngineClient,
  container: string,
  options: ExecOptions,
): Promise<ExecSession> {
  const { signal, command, tty = false, stdin = false } = options;
  const doing = `run "${command[0] ?? ""}" in container "${container}"`;
  const { Id: id = "" } = await client.json<{ readonly Id?: string }>({
    method: "POST",
    path: `/containers/${pathPart(container)}/exec`,
    json: {
      Cmd: command,
      Env: Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`),
      User: options.user,
      WorkingDir: options.workingDir,
      Tty: tty,
      AttachStdin: stdin,
      AttachStdout: true,
      AttachStderr: true,
    },
    doing,
    signal,
  });
  const { socket, head } = await client.hijack({
    method: "POST",
    path: `/exec/${pathPart(id)}/start`,
    json: { Detach: false, Tty: tty },
    doing,
    signal,
    deadlineMs: execDeadlineMs,
  });
  return new Session(client, id, socket, head, doing, options);
}

class Session implements ExecSession {
  readonly output: AsyncIterable<FramePiece>;
  readonly exitCode: Promise<number>;
  readonly #client: EngineClient;
  readonly #id: string;
  readonly #socket: Duplex;
  readonly #doing: string;
  readonly #options: ExecOptions;

  constructor(
    client: EngineClient,
    id: string,
    socket: Duplex,
    head: Uint8Array,
    doing: string,
    options: ExecOptions,
  ) {
    this.#client = client;
    this.#id = id;
    this.#socket = socket;
    this.#doing = doing;
    this.#options = options;
    const ended = Promise.withResolvers<void>();
    const chunks = this.#chunks(head, ended);
    this.output = options.tty === true ? readRaw(chunks) : readFrames(chunks);
    this.exitCode = ended.promise.then(async () => await this.#readExitCode());
    // Not everyone asks for the code; who does gets the rejection still.
    this.exitCode.catch(() => {});
    socket.once("close", () => ended.reject(this.#closed()));
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#options.stdin !== true) throw new TypeError("exec was opened without stdin");
    this.#options.signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(data, (cause) => {
        if (cause === undefined || cause === null) resolve();
        else if (this.#options.signal.aborted) reject(this.#options.signal.reason as Error);
        else reject(connectionError(this.#doing, this.#client.endpoint.text, cause));
      });
    });
  }

  async endInput(): Promise<void> {
    if (this.#socket.writableEnded || this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.end(resolve);
    });
  }

  async resize(columns: number, rows: number): Promise<void> {
    if (this.#options.tty !== true) throw new TypeError("exec was opened without a tty");
    await this.#client.text({
      method: "POST",
      path: `/exec/${pathPart(this.#id)}/resize`,
      query: { w: columns, h: rows },
      doing: this.#doing,
      signal: this.#options.signal,
    });
  }

  // oxlint-disable-next-line require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  async *#chunks(
    head: Uint8Array,
    ended: { readonly resolve: () => void; readonly reject: (reason: unknown) => void },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { signal } = this.#options;
    try {
      if (head.length > 0) yield head;
      for await (const chunk of this.#socket) yield chunk as Uint8Array;
      signal.throwIfAborted();
      ended.resolve();
    } catch (cause) {
      const error: unknown = signal.aborted
        ? signal.reason
        : connectionError(this.#doing, this.#client.endpoint.text, cause);
      ended.reject(error);
      throw error;
    } finally {
      this.#socket.destroy();
    }
  }

  async #readExitCode(): Promise<number> {
    const { signal } = this.#options;
    for (let tries = 0; tries < exitCodeTries; tries += 1) {
      const facts = await this.#client.json<{
        readonly Running?: boolean;
        readonly ExitCode?: number | null;
      }>({
        method: "GET",
        path: `/exec/${pathPart(this.#id)}/json`,
        doing: this.#doing,
        signal,
      });
      if (facts.Running !== true && typeof facts.ExitCode === "number") return facts.ExitCode;
      await new Promise((resolve) => setTimeout(resolve, exitCodePauseMs));
    }
    throw new LashError(
      "engine-refused",
      `Cannot ${this.#doing}: its output ended but the engine still calls it running`,
      {
        data: { exec: this.#id },
      },
    );
  }

  #closed(): unknown {
    const { signal } = this.#options;
    if (signal.aborted) return signal.reason;
    return new LashError(
      "cancelled",
      `Cannot ${this.#doing}: the session was closed before the command ended`,
    );
  }
}
