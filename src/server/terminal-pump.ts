import { WebSocket } from "ws";
import { linkSignals } from "../async/signals.ts";
import { LashError } from "../model/errors.ts";
import { type TerminalOutput, terminalInputSchema } from "./contract.ts";
import { ApiError } from "./errors.ts";
import type { ServerState } from "./state.ts";

/** Codes of RFC 6455 and of IANA's registry that a terminal closes with. */
const code = { normal: 1000, goingAway: 1001, policy: 1008, failed: 1011, tryAgainLater: 1013 } as const;

/** A client that does not answer to two of these is gone. */
const pingMs = 30_000;
/** Without a byte from either side for this long, a terminal ends. */
const idleMs = 30 * 60_000;
/** Output waits while this much is on its way to the client. */
const mostBufferedBytes = 1024 * 1024;
const bufferPauseMs = 20;

/** Messages that are kept for a command that is still being started. */
const mostEarlyMessages = 256;

/** Which close code tells of this error. */
export function closeCode({ code: apiCode }: ApiError): number {
  switch (apiCode) {
    case "validation_failed":
    case "session_not_found":
    case "bad_request":
    case "conflict":
      return code.policy;
    case "docker_runner_not_ready":
    case "engine_not_ready":
      return code.tryAgainLater;
    case "shutting_down":
      return code.goingAway;
    default:
      return code.failed;
  }
}

interface Asked {
  readonly container: string;
  readonly sessionId: string;
  readonly token: string;
}

type Terminal = Awaited<ReturnType<ServerState["port"]["containers"]["openTerminal"]>>["exec"];

/** Pauses between attempts, in milliseconds: an engine may not have the command's terminal yet when it says it runs. */
const sizePausesMs = [20, 50, 100, 200];

/** A terminal without its size still works: this never rejects. */
async function sizeOnce(
  exec: Terminal,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): Promise<void> {
  for (const pauseMs of [...sizePausesMs, 0]) {
    try {
      await exec.resize(columns, rows);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** One connection to a terminal: bytes both ways, until either side ends. */
export class TerminalPump {
  readonly #state: ServerState;
  readonly #connection: WebSocket;
  readonly #asked: Asked;
  readonly #life = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  /** What the client sends is handled in its order, and no faster than the command takes it. */
  #inbound: Promise<void> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(state: ServerState, connection: WebSocket, asked: Asked) {
    this.#state = state;
    this.#connection = connection;
    this.#asked = asked;
  }

  /** Rejects with what has to be told to the client before it is closed. */
  async run(): Promise<void> {
    const { containers } = this.#state.port;
    const { sessionId, token, container } = this.#asked;
    try {
      const session = containers.terminals.find(sessionId, token);
      if (session.containerId !== container) {
        throw new ApiError(
          "session_not_found",
          "Cannot find the terminal session: it is of another container",
        );
      }
      using _taken = containers.terminals.connect(sessionId, () => {
        this.#connection.close(code.normal, "closed");
        this.#stop();
      });
      using linked = linkSignals(this.#life.signal, this.#state.killed);
      this.#connection.once("close", () => this.#stop());
      const early: { readonly data: unknown; readonly isBinary: boolean }[] = [];
      const keep = (data: unknown, isBinary: boolean): void => {
        if (early.length < mostEarlyMessages) early.push({ data, isBinary });
      };
      this.#connection.on("message", keep);
      this.#send({ type: "status", status: "starting" });
      await using opened = await containers.openTerminal(session, { signal: linked.signal });
      const { exec } = opened;
      // Told to be running only at its size: what the client sends from then on may ask for it.
      await sizeOnce(exec, session);
      using _pulse = this.#watch(exec);
      this.#connection.off("message", keep);
      for (const message of early) this.#receive(exec, message);
      this.#send({ type: "status", status: "running" });
      await this.#passOutput(exec);
      if (this.#life.signal.aborted) return;
      const exitCode = await exec.exitCode;
      this.#send({ type: "exited", exitCode });
      this.#connection.close(code.normal, "exited");
      containers.terminals.close(sessionId);
    } catch (error) {
      // The client is gone, or the server ends: there is nothing to tell.
      if (!this.#life.signal.aborted) throw error;
    } finally {
      clearTimeout(this.#idle);
      this.#done.resolve();
    }
  }

  /** The server ends. */
  async end(): Promise<void> {
    this.#connection.close(code.goingAway, "shutting_down");
    this.#stop();
    await this.#done.promise;
  }

  #stop(): void {
    this.#life.abort(new LashError("cancelled", "Cannot go on: the terminal's connection was closed"));
  }

  /** Listens to the client, asks whether it is there, and ends what nobody uses. */
  #watch(exec: Terminal): Disposable {
    const connection = this.#connection;
    const onMessage = (data: unknown, isBinary: boolean): void => this.#receive(exec, { data, isBinary });
    let isAlive = true;
    const onPong = (): void => {
      isAlive = true;
    };
    const pulse = setInterval(() => {
      if (!isAlive) {
        connection.terminate();
        return;
      }
      isAlive = false;
      connection.ping();
    }, pingMs);
    pulse.unref();
    this.#touch();
    connection.on("message", onMessage);
    connection.on("pong", onPong);
    const release = this.#onStop(async () => await exec[Symbol.asyncDispose]());
    return {
      [Symbol.dispose]: () => {
        clearInterval(pulse);
        connection.off("message", onMessage);
        connection.off("pong", onPong);
        release();
      },
    };
  }

  /** Output does not end by itself when the client leaves: closing the command's connection ends it. */
  #onStop(work: () => Promise<void>): () => void {
    const { signal } = this.#life;
    const onAbort = (): void => void work().catch(() => {});
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    return () => signal.removeEventListener("abort", onAbort);
  }

  async #passOutput(exec: Terminal): Promise<void> {
    const decoder = new TextDecoder();
    for await (const { data } of exec.output()) {
      this.#touch();
      const text = decoder.decode(data, { stream: true });
      if (text !== "") this.#send({ type: "output", data: text });
      await this.#untilSent();
    }
    const rest = decoder.decode();
    if (rest !== "") this.#send({ type: "output", data: rest });
  }

  async #untilSent(): Promise<void> {
    while (this.#connection.bufferedAmount > mostBufferedBytes && !this.#life.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, bufferPauseMs));
    }
  }

  #receive(exec: Terminal, { data, isBinary }: { readonly data: unknown; readonly isBinary: boolean }): void {
    this.#touch();
    this.#waiting += 1;
    // A client that types faster than the command reads waits: its bytes stay in its own buffers.
    if (this.#waiting === 64) this.#connection.pause();
    this.#inbound = this.#inbound
      .then(async () => await this.#handle(exec, isBinary ? undefined : String(data)))
      .catch((error: unknown) => this.#refuse(error))
      .finally(() => {
        this.#waiting -= 1;
        if (this.#waiting === 0) this.#connection.resume();
      });
  }

  async #handle(exec: Terminal, text: string | undefined): Promise<void> {
    const parsed = terminalInputSchema.safeParse(jsonOf(text));
    if (!parsed.success)
      throw new ApiError("validation_failed", "Cannot use the message: it is not of the contract");
    const message = parsed.data;
    switch (message.type) {
      case "input":
        await exec.write(Buffer.from(message.data, "utf8"));
        return;
      case "end-input":
        await exec.endInput();
        return;
      case "resize":
        await exec.resize(message.columns, message.rows);
        return;
      case "ping":
        this.#send({ type: "pong" });
        return;
      case "close":
        this.#state.port.containers.terminals.close(this.#asked.sessionId);
    }
  }

  /** A message that makes no sense ends the connection; one that came too late for the command does not matter. */
  #refuse(error: unknown): void {
    if (!(error instanceof ApiError) || this.#connection.readyState !== WebSocket.OPEN) return;
    const { code: apiCode, message } = error;
    this.#send({ type: "error", error: { code: apiCode, message } });
    this.#connection.close(closeCode(error), apiCode);
    this.#stop();
  }

  #touch(): void {
    if (this.#idle === undefined) {
      this.#idle = setTimeout(() => {
        this.#connection.close(code.policy, "idle");
        this.#state.port.containers.terminals.close(this.#asked.sessionId);
      }, idleMs);
      this.#idle.unref();
    } else {
      this.#idle.refresh();
    }
  }

  #send(message: TerminalOutput): void {
    if (this.#connection.readyState === WebSocket.OPEN) this.#connection.send(JSON.stringify(message));
  }
}

function jsonOf(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
