import type { StackHandle } from "../../app/types.ts";
import type { Context } from "../context.ts";
import { eventLines } from "../render/event-line.ts";
import { logLines } from "../render/log-line.ts";
import { nameColumnsOf } from "../render/progress.ts";
import { Told } from "../render/told.ts";

/** What a person sees of a stack that is up: its output, and what happens to it. */
export interface Running {
  /** No more events: another view shows them from now on. */
  readonly stopTalking: () => void;
  /** Output goes through this from now on, so that it does not garble another view. */
  readonly printBy: (above: (write: () => void) => void) => void;
  /** Ends the logs too, and waits for them. May be called twice. */
  readonly close: () => Promise<void>;
}

/** Prints the resources' output to stdout and their events to stderr, in the background, until closed. */
export function showRunning(
  { output, clock }: Context,
  handle: StackHandle,
  options: { readonly resources: readonly string[] | undefined; readonly sinceIso: string },
): Running {
  if (output.json) {
    const end = handle.onEvent((event) => void output.jsonLine(event));
    return { stopTalking: end, printBy: () => {}, close: async () => {} };
  }
  const names = options.resources ?? handle.stack.resources.map((each) => each.name);
  const nameColumns = nameColumnsOf(names);
  // Its own: the error at the end may come hours later, and then says it all once more.
  const told = new Told();
  const end = handle.onEvent((event) => {
    const lines = eventLines(event, { paint: output.talkPaint, nameColumns, columns: undefined, told });
    told.hear(event);
    for (const line of lines) output.talk(line);
  });
  let above = (write: () => void): void => write();
  const ending = new AbortController();
  const line = logLines({ paint: output.paint, names, prefix: true, timestamps: false });
  const follow = async (): Promise<void> => {
    const entries = handle.logs({
      signal: ending.signal,
      resources: options.resources,
      follow: true,
      since: options.sinceIso,
    });
    for await (const { resource, entry } of entries) {
      let written: Promise<void> | undefined;
      above(() => {
        written = output.data(line(resource, entry));
      });
      await written;
    }
  };
  const following = follow().catch((thrown: unknown) => {
    if (!ending.signal.aborted)
      output.talk(`! no more logs: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  });
  return {
    stopTalking: end,
    printBy(by) {
      above = by;
    },
    async close() {
      // What was written while stopping is still on its way; it ends by itself once everything has stopped.
      const patience = new AbortController();
      await Promise.race([following, clock.sleep(500, { signal: patience.signal }).catch(() => {})]);
      patience.abort();
      ending.abort();
      await following;
    },
  };
}
