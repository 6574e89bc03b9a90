/** One message of a stream of server-sent events. */
export interface SseMessage {
  readonly event: string;
  /** Where to go on after this message, see `Last-Event-ID`; "" for none. */
  readonly id: string;
  readonly data: string;
}

export const sseContentType = "text/event-stream";

/** Sent when nothing else was for a while, so that the other side knows we are there. */
export const sseHeartbeat = ": here\n\n";

/** How often; a reader takes a stream that is silent for three times as long for dead. */
export const heartbeatMs = 15_000;

/** A message as it is sent. JSON has no raw line end, so one `data` line is enough. */
export function sseText(event: string, value: unknown, id?: string): string {
  const name = id === undefined ? `event: ${event}\n` : `event: ${event}\nid: ${id}\n`;
  return `${name}data: ${JSON.stringify(value ?? {})}\n\n`;
}

/** Longest message taken: some thousand lines of output at once are below 1 MiB. */
const maxMessageBytes = 64 * 1024 * 1024;
const lineFeed = 10;

/** The messages in these bytes, however they are cut. What is incomplete at the end is left out, as the format asks. */
export async function* readSse(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<SseMessage, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let searched = 0;
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = endOfMessage(rest, searched); end !== -1; end = endOfMessage(rest, from)) {
      const message = parseMessage(rest.toString("utf8", from, end));
      from = end + 2;
      if (message !== undefined) yield message;
    }
    rest = rest.subarray(from);
    // The first of two line ends may be the last byte so far.
    searched = Math.max(0, rest.length - 1);
    if (rest.length > maxMessageBytes)
      throw new RangeError(`a message of the stream is larger than ${maxMessageBytes} bytes`);
  }
}

function endOfMessage(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(lineFeed, from); at !== -1; at = bytes.indexOf(lineFeed, at + 1))
    if (bytes[at + 1] === lineFeed) return at;
  return -1;
}

function parseMessage(text: string): SseMessage | undefined {
  let event = "message";
  let id = "";
  const data: string[] = [];
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    // A comment, or a field without value, which none of ours is.
    if (colon <= 0) continue;
    const value = line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    const field = line.slice(0, colon);
    if (field === "event") event = value;
    else if (field === "id") id = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 ? undefined : { event, id, data: data.join("\n") };
}
