import type { ServerResponse } from "node:http";
import { untilDrained } from "./drain.ts";
import { heartbeatMs, sseContentType, sseHeartbeat, sseText } from "./protocol/sse.ts";

/** A stream of events being answered. */
export interface SseWriter {
  /** Writes at once; resolves when there is room for more. */
  send(event: string, value: unknown, id?: string): Promise<void>;
  /** Hands over text that `sseText` has made. */
  write(text: string): boolean;
  /** Resolves when there is room for more, or when nobody reads any more. */
  drained(): Promise<void>;
  end(): void;
}

/** Begins a stream. Heartbeats go out by themselves until it ends. */
export function beginSse(outgoing: ServerResponse, everyMs: number = heartbeatMs): SseWriter {
  outgoing.writeHead(200, {
    "content-type": sseContentType,
    "cache-control": "no-store",
    // For proxies that would otherwise collect answers (nginx).
    "x-accel-buffering": "no",
  });
  outgoing.flushHeaders();
  let wroteAt = performance.now();
  const write = (text: string): boolean => {
    wroteAt = performance.now();
    return outgoing.write(text);
  };
  const timer = setInterval(() => {
    // Who does not read what there is needs no sign of life.
    if (!outgoing.writableNeedDrain && performance.now() - wroteAt >= everyMs / 2) write(sseHeartbeat);
  }, everyMs);
  timer.unref();
  outgoing.once("close", () => clearInterval(timer));
  return {
    async send(event, value, id) {
      if (!write(sseText(event, value, id))) await untilDrained(outgoing);
    },
    write,
    drained: async () => {
      if (outgoing.writableNeedDrain) await untilDrained(outgoing);
    },
    end() {
      clearInterval(timer);
      outgoing.end();
    },
  };
}
