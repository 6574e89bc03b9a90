import { once } from "node:events";
import { connect, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { linkSignals } from "../async/signals.ts";
import { LashError } from "../model/errors.ts";
import type { JsonObject, JsonValue } from "../model/json.ts";

/** One line to a holder. */
export interface ControlRequest {
  readonly command: "status" | "events" | "down" | "stop" | "start" | "restart" | "release";
  readonly arguments: JsonObject;
}

/** One line from a holder: any number of "said", then one "done" or "failed". */
export type ControlReply =
  | { readonly type: "said"; readonly value: JsonValue }
  | { readonly type: "done"; readonly value: JsonValue }
  | {
      readonly type: "failed";
      readonly code: string;
      readonly message: string;
      readonly data: JsonObject;
      readonly hint?: string;
    };

/** `gone` aborts when the asker has left or the holder lets the stack go. */
export type ControlHandler = (
  request: ControlRequest,
  say: (value: JsonValue) => void,
  gone: AbortSignal,
) => Promise<JsonValue>;

/** Longest line taken from a peer: requests are tiny, an event with a log tail may have some kilobytes. */
const lineLimitBytes = 1_048_576;

/**
 * Answers requests on a lock's socket until disposed: one connection, one request. The handler's LashErrors reach the
 * caller with code, message and data.
 */
export function serveControl(server: Server, handle: ControlHandler): AsyncDisposable {
  const open = new Map<Socket, Promise<void>>();
  const life = new AbortController();
  const onConnection = (socket: Socket): void => {
    const work = answer(socket, handle, life.signal).finally(() => open.delete(socket));
    open.set(socket, work);
  };
  server.on("connection", onConnection);
  return {
    async [Symbol.asyncDispose]() {
      server.off("connection", onConnection);
      const pending = [...open.values()];
      life.abort(new Error("the holder lets the stack go"));
      await Promise.all(pending);
    },
  };
}

async function answer(socket: Socket, handle: ControlHandler, life: AbortSignal): Promise<void> {
  using gone = linkSignals(life);
  let asked = false;
  // A connection that never asks must not outlive the holder; one that asked gets its answer.
  const onGone = (): void => {
    if (!asked) socket.destroy();
  };
  gone.signal.addEventListener("abort", onGone, { once: true });
  socket.on("error", () => {});
  socket.on("close", () => gone.abort(new Error("the asker has left")));
  const send = (reply: ControlReply): void => {
    if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
  };
  try {
    for await (const line of linesOf(socket)) {
      asked = true;
      const request = JSON.parse(line) as ControlRequest;
      const value = await handle(request, (said) => send({ type: "said", value: said }), gone.signal);
      send({ type: "done", value });
      break;
    }
  } catch (thrown) {
    const error = thrown instanceof LashError ? thrown : new LashError("internal", String(thrown));
    send({
      type: "failed",
      code: error.code,
      message: error.message,
      data: JSON.parse(JSON.stringify(error.data)) as JsonObject,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  } finally {
    socket.end();
    if (!socket.closed) {
      const timer = setTimeout(() => socket.destroy(), 1000);
      await once(socket, "close").catch(() => {});
      clearTimeout(timer);
    }
  }
}

/**
 * Asks the holder of a stack; every "said" goes to `onSaid`. Rejects with the holder's error, or `engine-unreachable`
 * is never used here: a holder that is gone gives `stack-held` with `data.gone` true.
 */
export async function askHolder(
  path: string,
  request: ControlRequest,
  options: { readonly signal: AbortSignal; readonly onSaid: (value: JsonValue) => void },
): Promise<JsonValue> {
  options.signal.throwIfAborted();
  const socket = connect(path);
  const onAbort = (): void => {
    socket.destroy();
  };
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    await once(socket, "connect", { signal: options.signal });
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of linesOf(socket)) {
      const reply = JSON.parse(line) as ControlReply;
      if (reply.type === "done") return reply.value;
      if (reply.type === "failed") throw heldError(reply);
      options.onSaid(reply.value);
    }
    throw gone(undefined);
  } catch (cause) {
    options.signal.throwIfAborted();
    if (cause instanceof LashError) throw cause;
    throw gone(cause);
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    socket.destroy();
  }
}

function gone(cause: unknown): LashError {
  return new LashError("stack-held", "Cannot reach the process that holds the stack: it ended meanwhile", {
    data: { gone: true },
    cause,
  });
}

function heldError(reply: Extract<ControlReply, { type: "failed" }>): LashError {
  return new LashError(reply.code as LashError["code"], reply.message, {
    data: reply.data,
    hint: reply.hint,
  });
}

async function* linesOf(socket: Socket): AsyncIterable<string> {
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received > lineLimitBytes * 16) socket.destroy();
  });
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
  // It ends with its input, but not with one that is destroyed.
  socket.once("close", () => lines.close());
  for await (const line of lines) yield line;
}
