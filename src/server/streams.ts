import type { Containers, LogEntry, StackNews } from "../app/types.ts";
import type { StreamMessage } from "./route.ts";

/**
 * Lines of output as messages, each with its moment as id, then `end`. Of a stream that goes on, what was sent before is
 * left out: the engine tells "since" with less precision than its lines have.
 */
export async function* logMessages(
  entries: AsyncIterable<LogEntry>,
  { since }: { readonly since: string | undefined },
): AsyncGenerator<StreamMessage, void, undefined> {
  for await (const { at, stream, text } of entries) {
    if (since !== undefined && at <= since) continue;
    yield { event: "log", id: at, data: { stream, at, text } };
  }
  yield { event: "end", data: {} };
}

/** Lines of several resources. */
export async function* resourceLogMessages(
  entries: AsyncIterable<{ readonly resource: string; readonly entry: LogEntry }>,
): AsyncGenerator<StreamMessage, void, undefined> {
  for await (const { resource, entry } of entries) {
    const { stream, at, text } = entry;
    yield { event: "log", data: { resource, stream, at, text } };
  }
  yield { event: "end", data: {} };
}

/** Events of containers. Ids are "<life of this server>-<number>", so that one of another life is not taken for ours. */
export async function* containerEvents(
  containers: Containers,
  options: {
    readonly signal: AbortSignal;
    readonly lastEventId: string | undefined;
    readonly containerId: string | undefined;
  },
): AsyncGenerator<StreamMessage, void, undefined> {
  const { signal, lastEventId, containerId } = options;
  const { events } = containers;
  const [life = "", number = ""] = (lastEventId ?? "").split("-");
  const isOurs = life === events.life && /^\d{1,15}$/.test(number);
  if (lastEventId !== undefined && !isOurs) yield { event: "missed", data: {} };
  const after = isOurs ? Number(number) : undefined;
  for await (const heard of events.listen({ signal, containerId, after })) {
    if (heard.type === "missed") {
      yield { event: "missed", data: { count: heard.count } };
      continue;
    }
    const { seq, atMs, name, action, exitCode, containerId: id } = heard.event;
    const at = new Date(atMs).toISOString();
    yield {
      event: "event",
      id: `${events.life}-${seq}`,
      data: { container: id, name, action, at, exitCode },
    };
  }
}

/** News of a stack. */
export async function* stackNews(
  news: AsyncIterable<StackNews>,
): AsyncGenerator<StreamMessage, void, undefined> {
  for await (const each of news) {
    if (each.type === "stack") {
      yield { event: "stack", data: each.event };
      continue;
    }
    const { id, name, action, atMs, exitCode } = each.event;
    const at = new Date(atMs).toISOString();
    yield {
      event: "container",
      data: { resource: each.resource, container: id, name, action, at, exitCode },
    };
  }
}
