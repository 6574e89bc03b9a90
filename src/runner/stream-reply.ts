import { linkSignals } from "../async/signals.ts";
import { HttpError, refusalOf } from "./http-error.ts";
import { type Reply, type RunnerContext, type SignedRequest, sent } from "./route.ts";
import { beginSse, type SseWriter } from "./sse-response.ts";

/**
 * Answers with a stream of events. What fails once it has begun is told as an "error" event, with the status it would
 * have had. The work's signal aborts when the client is gone or the service stops.
 */
export async function streamReply(
  request: Pick<SignedRequest<unknown, unknown>, "outgoing" | "signal">,
  context: Pick<RunnerContext, "heartbeatMs" | "stopping">,
  work: (writer: SseWriter, signal: AbortSignal) => Promise<void>,
): Promise<Reply> {
  using linked = linkSignals(request.signal);
  const onStop = (): void =>
    linked.abort(new HttpError("shutting_down", "Cannot go on: the runner is stopping"));
  context.stopping.addEventListener("abort", onStop, { once: true });
  const writer = beginSse(request.outgoing, context.heartbeatMs);
  try {
    if (context.stopping.aborted) onStop();
    linked.signal.throwIfAborted();
    await work(writer, linked.signal);
  } catch (error) {
    if (!request.signal.aborted) {
      const { status, body } = refusalOf(error);
      await writer.send("error", { status, ...body });
    }
  } finally {
    context.stopping.removeEventListener("abort", onStop);
    writer.end();
  }
  return sent;
}

/** A long call as a stream: progress while it goes on, then its result. */
export async function longReply(
  request: Pick<SignedRequest<unknown, unknown>, "outgoing" | "signal">,
  context: Pick<RunnerContext, "heartbeatMs" | "stopping">,
  work: (signal: AbortSignal, onProgress: (progress: unknown) => void) => Promise<unknown>,
): Promise<Reply> {
  return await streamReply(request, context, async (writer, signal) => {
    const result = await work(signal, (progress) => void writer.send("progress", progress));
    await writer.send("result", result);
  });
}
