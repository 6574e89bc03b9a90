import { STATUS_CODES } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createRequestSplitter, type RequestHead } from "./request-splitter.ts";

/** What happens to one call. */
export type ProxyFault =
  | { readonly action: "delay"; readonly delayMs: number }
  /** The connection ends; the engine never sees the call. */
  | { readonly action: "cut-before" }
  /** The engine does the work; the connection ends after so many bytes of its answer. Default 0. */
  | { readonly action: "cut-after"; readonly answerBytes?: number }
  /** The engine does the work; instead of its answer the client sees the end of the stream. */
  | { readonly action: "half-close" }
  /** Answered here; the engine never sees the call. */
  | {
      readonly action: "answer";
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Never answered; the engine never sees the call. */
  | { readonly action: "hang" };

/** Something every transfer passes: shut, it waits. */
export interface Gate {
  shut(): void;
  open(): void;
  passed(): Promise<void>;
}

export interface RelayOptions {
  readonly client: Socket;
  readonly target: string;
  readonly gate: Gate;
  /** Asked once for each request, before a byte of it goes on. */
  readonly onCall: (head: RequestHead) => {
    readonly fault?: ProxyFault;
    readonly setStatus: (status: number) => void;
  };
  readonly track: (socket: Socket) => void;
}

export function createGate(): Gate {
  let waiting: PromiseWithResolvers<void> | undefined;
  return {
    shut() {
      waiting ??= Promise.withResolvers<void>();
    },
    open() {
      waiting?.resolve();
      waiting = undefined;
    },
    async passed() {
      await waiting?.promise;
    },
  };
}

/** Carries one client connection until either side is gone. Never rejects. */
export async function relay(options: RelayOptions): Promise<void> {
  const { client, target, track } = options;
  const engine = connect({ path: target, allowHalfOpen: true });
  track(client);
  track(engine);
  const state: AnswerState = { setStatus: undefined, fault: undefined, passedBytes: 0 };
  const endBoth = (): void => {
    client.destroy();
    engine.destroy();
  };
  client.on("error", endBoth);
  engine.on("error", endBoth);
  client.once("close", endBoth);
  try {
    await Promise.all([carryCalls(options, engine, state), carryAnswers(options, engine, state)]);
  } catch {
    endBoth();
  }
}

interface AnswerState {
  /** Set until the status of the current call is known. */
  setStatus: ((status: number) => void) | undefined;
  fault: Extract<ProxyFault, { action: "cut-after" | "half-close" }> | undefined;
  passedBytes: number;
}

/** Client to engine. Clients of engines do not send a second request before the answer to the first. */
async function carryCalls(
  { client, gate, onCall }: RelayOptions,
  engine: Socket,
  state: AnswerState,
): Promise<void> {
  const split = createRequestSplitter();
  let withheld = false;
  for await (const chunk of client.iterator({ destroyOnReturn: false })) {
    for (const piece of split(chunk as Buffer)) {
      if (piece.tag === "head") {
        const { fault, setStatus } = onCall(piece.head);
        await gate.passed();
        state.fault = fault?.action === "cut-after" || fault?.action === "half-close" ? fault : undefined;
        state.passedBytes = 0;
        withheld = (await applyBefore(fault, client)) === "withheld";
        state.setStatus = withheld ? undefined : setStatus;
      }
      if (!withheld) {
        await gate.passed();
        await write(engine, piece.bytes);
      }
    }
  }
  engine.end();
}

/** Does what has to happen before the engine sees the call. */
async function applyBefore(fault: ProxyFault | undefined, client: Socket): Promise<"forward" | "withheld"> {
  switch (fault?.action) {
    case "delay":
      // Not a reason to keep the test process up.
      await sleep(fault.delayMs, undefined, { ref: false });
      return "forward";
    case "cut-before":
      client.destroy();
      return "withheld";
    case "answer":
      await write(client, renderAnswer(fault));
      return "withheld";
    case "hang":
      return "withheld";
    case "cut-after":
    case "half-close":
    case undefined:
      return "forward";
  }
}

/** Engine to client. */
async function carryAnswers(
  { client, gate }: RelayOptions,
  engine: Socket,
  state: AnswerState,
): Promise<void> {
  for await (const chunk of engine.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Buffer;
    await gate.passed();
    noteStatus(state, bytes);
    if (state.fault?.action === "half-close") {
      // Further bytes of the engine are read and dropped.
      client.end();
      continue;
    }
    if (state.fault?.action === "cut-after") {
      const left = (state.fault.answerBytes ?? 0) - state.passedBytes;
      if (bytes.length >= left) {
        await write(client, bytes.subarray(0, Math.max(left, 0)));
        client.destroySoon();
        engine.destroy();
        return;
      }
    }
    state.passedBytes += bytes.length;
    await write(client, bytes);
  }
  client.end();
}

function noteStatus(state: AnswerState, bytes: Buffer): void {
  const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(bytes.subarray(0, 12).toString("latin1"))?.[1] ?? "0");
  if (state.setStatus !== undefined && status > 100) {
    state.setStatus(status);
    state.setStatus = undefined;
  }
}

/** Waits until the bytes are taken, so a slow reader slows the writer down. */
async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (bytes.length === 0 || socket.destroyed) {
    return;
  }
  if (socket.write(bytes)) {
    return;
  }
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}

function renderAnswer({ status, body, headers = {} }: Extract<ProxyFault, { action: "answer" }>): Buffer {
  const text = body === undefined ? "" : JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`,
    "Content-Type: application/json",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    // These have no body, so they must not announce one.
    ...(status === 204 || status === 304 ? [] : [`Content-Length: ${Buffer.byteLength(text)}`]),
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${status === 204 || status === 304 ? "" : text}`);
}
