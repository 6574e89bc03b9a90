import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type ClientRequest, request } from "node:http";
import { createInterface } from "node:readline";

/** One thing that happened on the engine, by the engine's own words and clock (the host's). */
export interface ObservedEvent {
  readonly type: "container" | "network";
  /** Such as "create", "start", "die", "health_status: healthy", "destroy". */
  readonly action: string;
  readonly name: string;
  readonly exitCode: number | undefined;
  /** Unix time in milliseconds, with fractions. */
  readonly at: number;
}

/** Watches an engine independently of whoever is measured. */
export interface Observer extends AsyncDisposable {
  readonly events: readonly ObservedEvent[];
  /** Forgets what was seen. */
  reset(): void;
  /** Resolves with the first event that fits, also one of the past. Rejects after 2 minutes, or the time given. */
  until(
    fits: (event: ObservedEvent) => boolean,
    options?: { readonly timeoutMs?: number },
  ): Promise<ObservedEvent>;
  /** Resolves once a condition on all events so far holds. */
  untilAll(
    holds: (events: readonly ObservedEvent[]) => boolean,
    options?: { readonly timeoutMs?: number },
  ): Promise<void>;
}

const defaultTimeoutMs = 120_000;

/** Subscribes to `/events`; resolves once the engine has answered, so nothing after that is missed. */
export async function openObserver(socket: string): Promise<Observer> {
  const events: ObservedEvent[] = [];
  const listeners = new Set<() => void>();
  const filters = encodeURIComponent(JSON.stringify({ type: ["container", "network"] }));
  const call = request({ socketPath: socket, path: `/events?filters=${filters}`, agent: false });
  call.end();
  const [response] = (await once(call, "response")) as [IncomingMessage];
  response.on("error", () => {});
  call.on("error", () => {});
  createInterface({ input: response }).on("line", (line) => {
    const event = parseEvent(line);
    if (event === undefined) return;
    events.push(event);
    for (const listener of listeners) listener();
  });
  const untilAll: Observer["untilAll"] = (holds, { timeoutMs = defaultTimeoutMs } = {}) =>
    new Promise((resolve, reject) => {
      const settle = (): void => {
        if (!holds(events)) return;
        finish();
        resolve();
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`Cannot see it happen: not after ${timeoutMs} ms\n${lastOf(events)}`));
      }, timeoutMs);
      const finish = (): void => {
        clearTimeout(timer);
        listeners.delete(settle);
      };
      listeners.add(settle);
      settle();
    });
  return {
    events,
    reset: () => {
      events.length = 0;
    },
    untilAll,
    async until(fits, options) {
      await untilAll((all) => all.some(fits), options);
      const found = events.find(fits);
      if (found === undefined) throw new Error("unreachable: it was just seen");
      return found;
    },
    [Symbol.asyncDispose]: async () => close(call, response),
  };
}

function close(call: ClientRequest, response: IncomingMessage): void {
  response.destroy();
  call.destroy();
}

interface RawEvent {
  readonly Type: string;
  readonly Action: string;
  readonly timeNano: number;
  readonly Actor: { readonly Attributes: Readonly<Record<string, string>> };
}

function parseEvent(line: string): ObservedEvent | undefined {
  const raw = JSON.parse(line) as RawEvent;
  if (raw.Type !== "container" && raw.Type !== "network") return undefined;
  const { name = "", exitCode } = raw.Actor.Attributes;
  return {
    type: raw.Type,
    action: raw.Action,
    name,
    exitCode: exitCode === undefined ? undefined : Number(exitCode),
    at: raw.timeNano / 1e6,
  };
}

function lastOf(events: readonly ObservedEvent[]): string {
  return events
    .slice(-15)
    .map(({ action, name, exitCode }) => `  ${action} ${name} ${exitCode ?? ""}`)
    .join("\n");
}
