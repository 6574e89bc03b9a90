import type { LogEntry } from "../../engine/facts.ts";
import { isLashError } from "../../model/errors.ts";

interface Reading {
  readonly follow: boolean;
  readonly tail?: number | undefined;
  readonly since?: string | undefined;
}

/**
 * Follows output and then reads once more what the following left out: Podman ends it when the container does, also
 * when it has not sent everything yet (4.3.1 lost 800 of 10 000 lines). Its time stamps are whole seconds, so lines of
 * the last second are told apart by their number.
 */
export async function* followToTheEnd(
  read: (reading: Reading) => AsyncIterable<LogEntry>,
  reading: Omit<Reading, "follow">,
): AsyncGenerator<LogEntry, void, undefined> {
  let count = 0;
  let last = "";
  let inLastSecond = 0;
  for await (const entry of read({ ...reading, follow: true })) {
    inLastSecond = entry.at === last ? inLastSecond + 1 : 1;
    last = entry.at;
    count += 1;
    yield entry;
  }
  // With a tail that began in the same second it cannot be told which of its lines were left out on purpose.
  if (reading.tail !== undefined && inLastSecond === count && count > 0) return;
  const rest = count === 0 ? reading : { since: new Date(Date.parse(last) - 1000).toISOString() };
  try {
    for await (const entry of read({ ...rest, follow: false })) {
      if (Date.parse(entry.at) < Date.parse(last)) continue;
      if (entry.at === last && inLastSecond > 0) inLastSecond -= 1;
      else yield entry;
    }
  } catch (error) {
    // Removed as soon as it ended: there is nothing left to read.
    if (!isLashError(error, "engine-not-found")) throw error;
  }
}
