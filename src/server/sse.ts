import type { StreamMessage } from "./route.ts";

/** Sent when nothing else was for this long, so that both sides and everything between know of each other. */
const heartbeatMs = 15_000;
const heartbeat = ": here\n\n";

/** A message as it is sent. JSON has no raw line end, so one `data` line is enough. */
function messageText({ event, id, data }: StreamMessage): string {
  const name = id === undefined ? `event: ${event}\n` : `event: ${event}\nid: ${id}\n`;
  return `${name}data: ${JSON.stringify(data ?? {})}\n\n`;
}

/**
 * Messages as the bytes of an event stream, no faster than they are read. `explain` makes the last message of an error;
 * `onEnd` is called once, however it ends.
 */
export function eventStream(
  messages: AsyncIterable<StreamMessage>,
  options: {
    readonly explain: (error: unknown) => StreamMessage | undefined;
    readonly onEnd: () => void;
  },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = messages[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<StreamMessage>> | undefined;
  let isOver = false;
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    options.onEnd();
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // At once: the headers go out with it, and the client knows that it is connected.
      controller.enqueue(encoder.encode("retry: 2000\n\n"));
    },
    async pull(controller) {
      try {
        pending ??= iterator.next();
        const result = await orBeat(pending);
        if (result === "beat") {
          controller.enqueue(encoder.encode(heartbeat));
          return;
        }
        pending = undefined;
        if (result.done === true) {
          over();
          controller.close();
          return;
        }
        controller.enqueue(encoder.encode(messageText(result.value)));
      } catch (error) {
        const last = options.explain(error);
        over();
        if (last !== undefined) controller.enqueue(encoder.encode(messageText(last)));
        controller.close();
      }
    },
    cancel() {
      over();
      pending?.catch(() => {});
      iterator.return?.().catch(() => {});
    },
  });
}

async function orBeat<T>(pending: Promise<T>): Promise<T | "beat"> {
  let timer: NodeJS.Timeout | undefined;
  const beat = new Promise<"beat">((resolve) => {
    timer = setTimeout(() => resolve("beat"), heartbeatMs);
    timer.unref();
  });
  try {
    return await Promise.race([pending, beat]);
  } finally {
    clearTimeout(timer);
  }
}
