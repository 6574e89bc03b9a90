import type { WebSocket } from "ws";
import { isLashError } from "../model/errors.ts";
import type { RunnerExec } from "./exec-session.ts";
import { refusalOf } from "./http-error.ts";
import { channel, clientFrameSchema, dataFrame, type ServerFrame } from "./protocol/exec-frames.ts";

/** Output waits while so much is not sent yet. */
const highWaterBytes = 1024 * 1024;
/** Input is not read from the network while so much is not written yet. */
const inputHighWaterBytes = 256 * 1024;
/** Close codes: normal, going away, what was sent makes no sense, our fault. */
const closeCode = { normal: 1000, goingAway: 1001, protocol: 1008, failed: 1011 } as const;

/** Serves one command over one socket: resolves when both have ended. */
export async function serveExec(
  socket: WebSocket,
  exec: RunnerExec,
  options: { readonly signal: AbortSignal; readonly everyMs: number },
): Promise<void> {
  await using _exec = exec;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const onAbort = (): void => socket.close(closeCode.goingAway, "shutting_down");
  options.signal.addEventListener("abort", onAbort, { once: true });
  const stopBeating = beat(socket, options.everyMs);
  try {
    if (options.signal.aborted) onAbort();
    const input = new Input(socket, exec);
    socket.on("message", (data: Buffer, isBinary: boolean) => input.take(data, isBinary));
    socket.on("error", () => {});
    send(socket, { type: "ready", execId: exec.id });
    await Promise.race([pump(socket, exec), closed]);
  } finally {
    stopBeating();
    options.signal.removeEventListener("abort", onAbort);
  }
}

/** Sends the output and, by itself, the end. */
async function pump(socket: WebSocket, exec: RunnerExec): Promise<void> {
  try {
    for await (const { stream, data } of exec.output()) {
      if (socket.readyState !== socket.OPEN) return;
      await sendData(socket, dataFrame(channel[stream], data));
    }
    send(socket, { type: "exit", execId: exec.id, ...(await exec.end()) });
    socket.close(closeCode.normal);
  } catch (error) {
    fail(socket, error);
  }
}

async function sendData(socket: WebSocket, frame: Uint8Array): Promise<void> {
  if (socket.bufferedAmount + frame.length < highWaterBytes) {
    socket.send(frame);
    return;
  }
  // The callback comes when it was handed to the system, or when the connection ended.
  await new Promise<void>((resolve) => socket.send(frame, () => resolve()));
}

/** What the client sends, in its order, no faster than the command takes it. */
class Input {
  readonly #socket: WebSocket;
  readonly #exec: RunnerExec;
  #queue: Promise<void> = Promise.resolve();
  #pending = 0;

  constructor(socket: WebSocket, exec: RunnerExec) {
    this.#socket = socket;
    this.#exec = exec;
  }

  take(data: Buffer, isBinary: boolean): void {
    this.#pending += data.length;
    if (this.#pending > inputHighWaterBytes) this.#socket.pause();
    this.#queue = this.#queue
      .then(() => (isBinary ? this.#bytes(data) : this.#frame(data.toString("utf8"))))
      .catch((error: unknown) => fail(this.#socket, error))
      .then(() => {
        this.#pending -= data.length;
        if (this.#pending <= inputHighWaterBytes) this.#socket.resume();
      });
  }

  async #bytes(data: Buffer): Promise<void> {
    if (data[0] !== channel.stdin || !this.#exec.hasInput) {
      this.#refuse("input for a command that takes none");
      return;
    }
    await this.#exec.write(data.subarray(1)).catch(ignoreEnded);
  }

  async #frame(text: string): Promise<void> {
    const parsed = clientFrameSchema.safeParse(parseJson(text));
    if (!parsed.success) {
      this.#refuse("a frame that is none of ours");
      return;
    }
    const frame = parsed.data;
    switch (frame.type) {
      case "end-input":
        await this.#exec.endInput().catch(ignoreEnded);
        return;
      case "resize":
        await this.#exec.resize(frame.columns, frame.rows).catch(ignoreEnded);
        return;
      case "cancel":
        await this.#exec.endCommand("cancelled");
    }
  }

  /** Says why before it closes. */
  #refuse(what: string): void {
    const error = { code: "validation_error", message: `Cannot take ${what}`, retryable: false };
    send(this.#socket, { type: "error", status: 400, error });
    this.#socket.close(closeCode.protocol, "validation_error");
  }
}

/** A command that has ended takes no more input and has no size: its end is told anyway. */
function ignoreEnded(error: unknown): void {
  if (!isLashError(error) && !(error instanceof TypeError) && !(error instanceof Error && "code" in error))
    throw error;
}

function fail(socket: WebSocket, error: unknown): void {
  const { status, body } = refusalOf(error);
  send(socket, { type: "error", status, error: body.error });
  socket.close(closeCode.failed, body.error.code);
}

function send(socket: WebSocket, frame: ServerFrame): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame));
}

/**
 * Pings, for proxies in between and so that the client knows we are there. Answers are not counted: a client whose
 * reader is slow reads none. The system's own keep-alive finds a peer that is gone.
 */
function beat(socket: WebSocket, everyMs: number): () => void {
  const timer = setInterval(() => socket.ping(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
