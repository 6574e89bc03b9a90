import type { CallOptions, LabelFilter } from "../../engine/engine.ts";
import type { EngineEvent } from "../../engine/facts.ts";
import { answer } from "../../runner/protocol/facts.ts";
import type { RunnerClient } from "./client.ts";
import { labelQuery } from "./paths.ts";

/** Events of the engine. Not taken up again after a cut: whoever listens has to list first. */
export async function* listenToEvents(
  client: RunnerClient,
  filter: LabelFilter,
  options: CallOptions & {
    readonly sinceMs?: number | undefined;
    readonly onOpen?: (() => void) | undefined;
  },
): AsyncGenerator<EngineEvent, void, undefined> {
  const { signal, sinceMs, onOpen } = options;
  const query = labelQuery(filter);
  if (sinceMs !== undefined) query.set("sinceMs", String(Math.max(0, Math.floor(sinceMs))));
  const doing = "listen to the engine's events";
  const call = { method: "GET", path: "/v1/events", query, doing, signal, attempts: "read" } as const;
  for await (const { event, data } of client.stream(call)) {
    if (event === "open") onOpen?.();
    if (event === "event") yield answer.event.parse(JSON.parse(data));
  }
  throw client.cut(doing);
}
