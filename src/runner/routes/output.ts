import { z } from "zod";
import { LashError } from "../../model/errors.ts";
import { RunnerExec } from "../exec-session.ts";
import { HttpError } from "../http-error.ts";
import { after, LogCounter, parseLogPosition, sinceOf } from "../log-position.ts";
import { ownFilter } from "../ownership.ts";
import { body } from "../protocol/requests.ts";
import { sseText } from "../protocol/sse.ts";
import { type Route, type RunnerContext, route, type SignedRequest, single } from "../route.ts";
import type { SseWriter } from "../sse-response.ts";
import { streamReply } from "../stream-reply.ts";
import { labelQuery, labelsOf, nameIn } from "./containers.ts";

/** Lines are sent together up to about this size, and at once when no more have come. */
const batchChars = 64 * 1024;

const logQuery = {
  follow: single(z.enum(["true", "false"])),
  tail: single(z.string().regex(/^\d{1,9}$/, "expected a number of lines")).optional(),
  since: single(z.iso.datetime({ offset: true })).optional(),
} as const;
type LogQuery = z.infer<z.ZodObject<typeof logQuery>>;

const eventQuery = {
  ...labelQuery,
  sinceMs: single(z.string().regex(/^\d{1,15}$/, "expected milliseconds since the epoch")).optional(),
} as const;
type EventQuery = z.infer<z.ZodObject<typeof eventQuery>>;

/** Output, events and commands: what comes as a stream. */
export const outputRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/containers/:name/logs",
    query: logQuery,
    async handle(request, context) {
      const { params, key, signal } = request;
      const id = await context.ownership.need(nameIn(params), {
        owner: key.owner,
        doing: "read the output of",
        signal,
      });
      const last = lastEventId(request.headers);
      const position = last === undefined ? undefined : parseLogPosition(last);
      if (last !== undefined && position === undefined) throw badLastEventId();
      return await streamReply(request, context, async (writer, signal) => {
        const reading = readLog(context, { id, query: request.query, position, signal });
        await sendLog(writer, reading, position);
      });
    },
  }),
  route({
    method: "GET",
    path: "/v1/events",
    query: eventQuery,
    async handle(request, context) {
      const last = lastEventId(request.headers);
      const position = last === undefined ? undefined : /^(\d{1,15})\*(\d{1,9})$/.exec(last);
      if (position === null) throw badLastEventId();
      return await streamReply(request, context, async (writer, signal) => {
        const from =
          position === undefined ? undefined : { atMs: Number(position[1]), count: Number(position[2]) };
        await sendEvents(request, context, { writer, from, signal });
      });
    },
  }),
  route({
    method: "POST",
    path: "/v1/containers/:name/exec",
    body: body.exec,
    async handle({ params, key, body: request, signal }, { engine, ownership, execs, execGraceMs: graceMs }) {
      const name = nameIn(params);
      const container = await ownership.need(name, { owner: key.owner, doing: "run a command in", signal });
      const exec = await RunnerExec.open({ engine, container, owner: key.owner, request, signal, graceMs });
      execs.add(exec);
      return { status: 201, json: { execId: exec.id } };
    },
  }),
  route({
    method: "GET",
    path: "/v1/execs/:id/socket",
    async handle() {
      throw new HttpError("upgrade_required", "Cannot attach to a command without a WebSocket", {
        upgrade: "websocket",
        connection: "upgrade",
      });
    },
  }),
];

function readLog(
  { engine }: RunnerContext,
  reading: {
    readonly id: string;
    readonly query: LogQuery;
    readonly position: ReturnType<typeof parseLogPosition>;
    readonly signal: AbortSignal;
  },
): ReturnType<typeof engine.logs> {
  const { id, query, position, signal } = reading;
  const follow = query.follow === "true";
  const since = position === undefined ? undefined : sinceOf(position);
  if (position !== undefined && since !== undefined)
    return after(position, engine.logs(id, { signal, follow, since }));
  const tail = query.tail === undefined ? undefined : Number(query.tail);
  return engine.logs(id, { signal, follow, tail, since: query.since });
}

/** Lines are sent when as many came as fit, or when the engine has no more for now. */
async function sendLog(
  writer: SseWriter,
  entries: ReturnType<RunnerContext["engine"]["logs"]>,
  position: ReturnType<typeof parseLogPosition>,
): Promise<void> {
  const counter = new LogCounter(position);
  let batch: [0 | 1, string, string][] = [];
  let chars = 0;
  let scheduled: NodeJS.Immediate | undefined;
  const flush = (): void => {
    clearImmediate(scheduled);
    scheduled = undefined;
    if (batch.length > 0) writer.write(sseText("lines", batch, counter.text()));
    batch = [];
    chars = 0;
  };
  try {
    for await (const entry of entries) {
      counter.add(entry);
      batch.push([entry.stream === "stdout" ? 0 : 1, entry.at, entry.text]);
      chars += entry.text.length + 40;
      if (chars >= batchChars) {
        flush();
        await writer.drained();
      } else scheduled ??= setImmediate(flush);
    }
  } finally {
    flush();
  }
  await writer.send("end", {});
}

async function sendEvents(
  { query, key }: SignedRequest<EventQuery, undefined>,
  { engine }: RunnerContext,
  stream: {
    readonly writer: SseWriter;
    readonly from: { readonly atMs: number; readonly count: number } | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { writer, from, signal } = stream;
  const filter = ownFilter(labelsOf(query.label), key.owner);
  if (filter === undefined)
    throw new LashError("usage", "Cannot listen: another owner's events are asked for");
  const sinceMs = from?.atMs ?? (query.sinceMs === undefined ? undefined : Number(query.sinceMs));
  let last = { atMs: from?.atMs ?? 0, count: from?.count ?? 0 };
  let left = from?.count ?? 0;
  const onOpen = (): void => void writer.send("open", {});
  for await (const event of engine.events(filter, { signal, sinceMs, onOpen })) {
    if (from !== undefined && (event.atMs < from.atMs || (event.atMs === from.atMs && left > 0))) {
      if (event.atMs === from.atMs) left -= 1;
      continue;
    }
    last = event.atMs === last.atMs ? { ...last, count: last.count + 1 } : { atMs: event.atMs, count: 1 };
    await writer.send("event", event, `${last.atMs}*${last.count}`);
  }
}

function lastEventId(headers: SignedRequest<unknown, unknown>["headers"]): string | undefined {
  const value = headers["last-event-id"];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function badLastEventId(): HttpError {
  return new HttpError("validation_error", "Cannot go on from that Last-Event-ID: it is none of ours");
}
