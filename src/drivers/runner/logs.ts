import { systemClock } from "../../async/clock.ts";
import type { LogOptions } from "../../engine/engine.ts";
import type { LogEntry } from "../../engine/facts.ts";
import type { RunnerCall, RunnerClient } from "./client.ts";
import { connectionError, runnerTrouble } from "./errors.ts";
import { containerPath } from "./paths.ts";

/** Times that a broken stream is taken up again without a line in between. */
const maxTries = 3;
const pauseMs = 200;

/**
 * A container's output. A stream that breaks is taken up again after the last line that came, which costs nothing when
 * nothing was lost and loses and repeats nothing otherwise.
 */
export async function* readLogs(
  client: RunnerClient,
  container: string,
  options: LogOptions,
): AsyncGenerator<LogEntry, void, undefined> {
  const { signal, follow, tail, since } = options;
  const query = new URLSearchParams({ follow: String(follow) });
  if (tail !== undefined) query.set("tail", String(tail));
  if (since !== undefined) query.set("since", new Date(since).toISOString());
  const doing = `read the output of container "${container}"`;
  const call: RunnerCall = {
    method: "GET",
    path: `${containerPath(container)}/logs`,
    query,
    doing,
    signal,
    attempts: "read",
  };
  let last = "";
  for (let tries = 0; tries < maxTries; tries += 1) {
    try {
      const headers = last === "" ? undefined : { "last-event-id": last };
      for await (const { event, id, data } of client.stream({ ...call, headers })) {
        if (event === "end") return;
        if (event !== "lines") continue;
        yield* entriesOf(data);
        last = id;
        tries = 0;
      }
      throw client.cut(doing);
    } catch (cause) {
      signal.throwIfAborted();
      const error = connectionError(doing, client.endpoint.text, cause);
      const isCut =
        runnerTrouble(error)?.reason === "reset" || runnerTrouble(error)?.errorCode === "shutting_down";
      // Before the first line the attempts of the call itself have been made.
      if (!isCut || last === "" || tries === maxTries - 1) throw error;
      await systemClock.sleep(pauseMs, { signal });
    }
  }
}

function* entriesOf(data: string): Generator<LogEntry, void, undefined> {
  const lines: unknown = JSON.parse(data);
  if (!Array.isArray(lines)) throw new SyntaxError("lines of output are no list");
  for (const [stream, at, text] of lines as readonly (readonly [number, string, string])[])
    yield { stream: stream === 1 ? "stderr" : "stdout", at, text };
}
