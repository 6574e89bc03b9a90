import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { linkSignals } from "../../async/signals.ts";
import type { ExecOptions, ExecSession } from "../../engine/engine.ts";
import { LashError } from "../../model/errors.ts";
import { wireErrorSchema } from "../../runner/protocol/errors.ts";
import {
  type ClientFrame,
  channel,
  dataFrame,
  type ExecReason,
  type ServerFrame,
  serverFrameSchema,
} from "../../runner/protocol/exec-frames.ts";
import { answer } from "../../runner/protocol/facts.ts";
import type { RunnerClient } from "./client.ts";
import { answerError, badAnswer, connectionError, unreachable } from "./errors.ts";
import { containerPath } from "./paths.ts";

/** A process in a container may take long to start on a loaded machine. */
const execDeadlineMs = 75_000;
/** How long the socket of a command that was started may take. */
const handshakeMs = 10_000;
/** Output that nobody has read yet stays on the runner's side beyond this. */
const highWaterBytes = 1024 * 1024;
/** A runner takes 4 MiB; small ones let it say when it has enough. */
const maxInputFrameBytes = 256 * 1024;

/** What a runner can do with a command beyond the engine port. */
export interface RunnerExecOptions extends ExecOptions {
  /** The command and what it started are ended then; its exit code rejects with `timed-out`. */
  readonly timeoutMs?: number | undefined;
  /** The same, after so long without a byte in either direction. */
  readonly idleTimeoutMs?: number | undefined;
}

/** How a command ended, with the last of what it wrote. */
export interface RunnerExecEnd {
  readonly exitCode: number | undefined;
  readonly reason: ExecReason;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunnerExecSession extends ExecSession {
  /** As exitCode, and for a command that was ended too. */
  readonly ended: Promise<RunnerExecEnd>;
  /** Ends the command and what it started, never the container. */
  cancel(): void;
}

/** Runs a command in a container. Never asked twice: nobody knows what a first attempt has done. */
export async function openExec(
  client: RunnerClient,
  container: string,
  options: RunnerExecOptions,
): Promise<RunnerExecSession> {
  const { signal, command, env, user, workingDir, tty, stdin, timeoutMs, idleTimeoutMs } = options;
  const doing = `run "${command[0] ?? ""}" in container "${container}"`;
  const { execId } = await client.json(
    {
      method: "POST",
      path: `${containerPath(container)}/exec`,
      json: { command, env, user, workingDir, tty, stdin, timeoutMs, idleTimeoutMs },
      doing,
      signal,
      deadlineMs: execDeadlineMs,
      attempts: "once",
    },
    answer.execId,
  );
  const socket = await connect(client, { path: `/v1/execs/${execId}/socket`, doing, signal });
  return new Session(client, socket, doing, options);
}

async function connect(
  client: RunnerClient,
  { path, doing, signal }: { readonly path: string; readonly doing: string; readonly signal: AbortSignal },
): Promise<WebSocket> {
  const { secure, host, port, basePath, text } = client.endpoint;
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const socket = new WebSocket(`${secure ? "wss" : "ws"}://${authority}${basePath}${path}`, {
    headers: client.upgradeHeaders(path),
    handshakeTimeout: handshakeMs,
    perMessageDeflate: false,
    ...(client.ca === undefined ? {} : { ca: client.ca }),
  });
  return await new Promise<WebSocket>((resolve, reject) => {
    const onAbort = (): void => {
      socket.terminate();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const settled = (): void => signal.removeEventListener("abort", onAbort);
    socket.on("error", (cause) => {
      settled();
      reject(signal.aborted ? (signal.reason as Error) : connectionError(doing, text, cause));
    });
    socket.once("unexpected-response", (_request, response: IncomingMessage) => {
      settled();
      void refusedUpgrade(response, { doing, endpoint: text }).then((error) => {
        reject(error);
        socket.terminate();
      });
    });
    socket.once("open", () => {
      settled();
      // Nothing is lost until the session listens.
      socket.pause();
      resolve(socket);
    });
  });
}

/** What the runner says instead of upgrading. */
async function refusedUpgrade(
  response: IncomingMessage,
  { doing, endpoint }: { readonly doing: string; readonly endpoint: string },
): Promise<LashError> {
  const status = response.statusCode ?? 0;
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of response) chunks.push(chunk as Uint8Array);
    const body = wireErrorSchema.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
    return answerError(doing, { status, endpoint, body });
  } catch (cause) {
    return badAnswer(doing, { status, endpoint, cause });
  }
}

type Piece = { readonly stream: "stdout" | "stderr"; readonly data: Uint8Array };

class Session implements RunnerExecSession {
  readonly output: AsyncIterable<Piece>;
  readonly exitCode: Promise<number>;
  readonly ended: Promise<RunnerExecEnd>;
  readonly #client: RunnerClient;
  readonly #socket: WebSocket;
  readonly #doing: string;
  readonly #options: RunnerExecOptions;
  readonly #linked: ReturnType<typeof linkSignals>;
  readonly #queue: Piece[] = [];
  #queuedBytes = 0;
  #wake: (() => void) | undefined;
  #end: RunnerExecEnd | undefined;
  #failure: unknown;
  #isOver = false;
  #silence: NodeJS.Timeout;

  constructor(client: RunnerClient, socket: WebSocket, doing: string, options: RunnerExecOptions) {
    this.#client = client;
    this.#socket = socket;
    this.#doing = doing;
    this.#options = options;
    this.output = this.#read();
    const ended = Promise.withResolvers<RunnerExecEnd>();
    this.ended = ended.promise;
    this.exitCode = ended.promise.then((end) => this.#codeOf(end));
    // Not everyone asks; who does gets the rejection still.
    this.ended.catch(() => {});
    this.exitCode.catch(() => {});
    this.#silence = setTimeout(() => this.#fail(this.#silent()), client.silenceMs);
    this.#silence.unref();
    this.#linked = linkSignals(options.signal, client.life);
    this.#linked.signal.addEventListener("abort", () => this.#fail(this.#linked.signal.reason), {
      once: true,
    });
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#take(data, isBinary));
    socket.on("ping", () => this.#silence.refresh());
    socket.once("close", () => {
      clearTimeout(this.#silence);
      this.#linked[Symbol.dispose]();
      this.#isOver = true;
      this.#failure ??= this.#end === undefined ? client.cut(doing) : undefined;
      if (this.#end !== undefined) ended.resolve(this.#end);
      else ended.reject(this.#failure);
      this.#wake?.();
    });
    if (this.#linked.signal.aborted) this.#fail(this.#linked.signal.reason);
    else socket.resume();
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#options.stdin !== true) throw new TypeError("exec was opened without stdin");
    this.#options.signal.throwIfAborted();
    for (let at = 0; at < data.length; at += maxInputFrameBytes) {
      const frame = dataFrame(channel.stdin, data.subarray(at, at + maxInputFrameBytes));
      await new Promise<void>((resolve, reject) => {
        this.#socket.send(frame, (cause) => {
          if (cause === undefined || cause === null) resolve();
          else reject(this.#failure ?? connectionError(this.#doing, this.#client.endpoint.text, cause));
        });
      });
    }
  }

  async endInput(): Promise<void> {
    await this.#say({ type: "end-input" });
  }

  async resize(columns: number, rows: number): Promise<void> {
    if (this.#options.tty !== true) throw new TypeError("exec was opened without a tty");
    await this.#say({ type: "resize", columns, rows });
  }

  cancel(): void {
    void this.#say({ type: "cancel" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.readyState === this.#socket.CLOSED) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#fail(
      new LashError("cancelled", `Cannot ${this.#doing}: the session was closed before the command ended`),
    );
    await closed;
  }

  async #say(frame: ClientFrame): Promise<void> {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    await new Promise<void>((resolve) => this.#socket.send(JSON.stringify(frame), () => resolve()));
  }

  #take(data: Buffer, isBinary: boolean): void {
    this.#silence.refresh();
    if (isBinary) {
      const stream = data[0] === channel.stderr ? "stderr" : "stdout";
      this.#queue.push({ stream, data: data.subarray(1) });
      this.#queuedBytes += data.length;
      if (this.#queuedBytes > highWaterBytes) {
        this.#socket.pause();
        // Who does not read hears no pings either.
        clearTimeout(this.#silence);
      }
    } else this.#frame(data.toString("utf8"));
    this.#wake?.();
  }

  #frame(text: string): void {
    let frame: ServerFrame;
    try {
      frame = serverFrameSchema.parse(JSON.parse(text));
    } catch (cause) {
      this.#fail(badAnswer(this.#doing, { status: 101, endpoint: this.#client.endpoint.text, cause }));
      return;
    }
    if (frame.type === "exit") {
      const { exitCode, reason, stdout, stderr } = frame;
      this.#end = { exitCode, reason, stdout, stderr };
    }
    if (frame.type === "error") {
      const { status, error } = frame;
      this.#fail(answerError(this.#doing, { status, endpoint: this.#client.endpoint.text, body: { error } }));
    }
  }

  /** The first failure counts. */
  #fail(failure: unknown): void {
    if (this.#end === undefined) this.#failure ??= failure;
    this.#socket.terminate();
  }

  async *#read(): AsyncGenerator<Piece, void, undefined> {
    for (;;) {
      const piece = this.#queue.shift();
      if (piece !== undefined) {
        this.#queuedBytes -= piece.data.length + 1;
        if (this.#socket.isPaused && this.#queuedBytes <= highWaterBytes / 2) {
          this.#socket.resume();
          this.#silence.refresh();
        }
        yield piece;
      } else if (this.#isOver) {
        if (this.#failure !== undefined) throw this.#failure;
        return;
      } else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  #codeOf({ exitCode, reason, stdout, stderr }: RunnerExecEnd): number {
    if (reason === "completed" && exitCode !== undefined) return exitCode;
    const data = { reason, exitCode, stdout, stderr };
    if (reason === "cancelled" || reason === "completed")
      throw new LashError("cancelled", `Cannot ${this.#doing}: it was cancelled`, { data });
    const { timeoutMs, idleTimeoutMs } = this.#options;
    const why =
      reason === "timeout" ? `it took longer than ${timeoutMs} ms` : `it was idle for ${idleTimeoutMs} ms`;
    throw new LashError("timed-out", `Cannot ${this.#doing}: ${why}`, { data });
  }

  #silent(): LashError {
    return unreachable(this.#doing, {
      reason: "timeout",
      errorCode: "runner_stream_silent",
      statusCode: 0,
      why: "the runner fell silent",
      endpoint: this.#client.endpoint.text,
    });
  }
}
