import { Agent, type IncomingMessage, request } from "node:http";
import type { Random } from "./random.ts";

/** The guard's body, byte by byte. */
export const notReady = '{"error":{"code":"docker_runner_not_ready","message":"docker-runner not ready"}}';

/** A kind of request, and what is right to be answered to it. */
export interface Kind {
  readonly name: string;
  readonly guarded: boolean;
  /** How often it comes among those that are guarded, or are not. */
  readonly weight: number;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
  readonly webSocket?: boolean;
  /** What it is answered when it is served. */
  readonly status: number;
  /** Has to be in a served answer. */
  readonly holds?: string;
}

/** One answer, or that there was none. */
export interface Outcome {
  readonly kind: Kind;
  /** Since the load began. */
  readonly sentAtMs: number;
  readonly tookMs: number;
  readonly status: number;
  /** Undefined: as it should be. */
  readonly wrong: string | undefined;
}

export interface LoadOptions {
  readonly url: string;
  readonly perSecond: number;
  readonly durationMs: number;
  readonly kinds: readonly Kind[];
  readonly random: Random;
  readonly onOutcome: (outcome: Outcome) => void;
  /** Set from outside: nothing is sent while it is true, and that time does not count. */
  readonly gate?: LoadGate;
}

export interface LoadGate {
  isClosed: boolean;
  /** Requests without an answer. */
  pending: number;
}

/** Longest that any answer may take. */
const answerWithinMs = 40_000;
const tickMs = 5;
/** After a pause of this process the rest is sent no faster than this times the rate: a burst is another test. */
const catchUp = 3;
/**
 * Fewer in all than a server's queue of new connections (Node: 511), which a busy machine lets overflow: the kernel drops
 * them then, and the server never hears of it. Those that wait for the runner do not stand in the others' way.
 */
const connections = { guarded: 400, open: 100 } as const;

/**
 * Sends at a fixed rate whatever the answers do, as many clients would, half of it to guarded kinds. Resolves when the
 * last answer is there, with how many were sent and how long that took.
 */
export async function putLoad(
  options: LoadOptions,
): Promise<{ readonly sent: number; readonly activeMs: number }> {
  const { perSecond, durationMs, kinds, random } = options;
  const gate = options.gate ?? { isClosed: false, pending: 0 };
  const [guarded, open] = [kinds.filter((each) => each.guarded), kinds.filter((each) => !each.guarded)];
  const agents = {
    guarded: new Agent({ keepAlive: true, maxSockets: connections.guarded }),
    open: new Agent({ keepAlive: true, maxSockets: connections.open }),
  };
  const burst = Math.ceil(((catchUp * perSecond) / 1000) * tickMs);
  const url = new URL(options.url);
  const startedAt = performance.now();
  const pending = new Set<Promise<void>>();
  let [sent, activeMs, tickedAt] = [0, 0, startedAt];
  try {
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const now = performance.now();
        if (!gate.isClosed) activeMs += now - tickedAt;
        tickedAt = now;
        if (gate.isClosed) return;
        const due = Math.floor((Math.min(activeMs, durationMs) / 1000) * perSecond);
        const sentBefore = sent;
        for (; sent < due; sent += 1) {
          if (sent - sentBefore >= burst) break;
          const kind = chooseKind(sent % 2 === 0 ? guarded : open, random);
          const one = ask(kind, { agent: kind.guarded ? agents.guarded : agents.open, url, startedAt }).then(
            (outcome) => {
              pending.delete(one);
              gate.pending = pending.size;
              options.onOutcome(outcome);
            },
          );
          pending.add(one);
          gate.pending = pending.size;
        }
        if (activeMs < durationMs || sent < due) return;
        clearInterval(timer);
        resolve();
      }, tickMs);
    });
    await Promise.all(pending);
    return { sent, activeMs };
  } finally {
    agents.guarded.destroy();
    agents.open.destroy();
  }
}

function chooseKind(kinds: readonly Kind[], random: Random): Kind {
  let left = random() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  const [last, ...others] = kinds.toReversed();
  for (const kind of others) {
    left -= kind.weight;
    if (left < 0) return kind;
  }
  if (last === undefined) throw new Error("unreachable: there are kinds of both sorts");
  return last;
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

async function ask(
  kind: Kind,
  at: { readonly agent: Agent; readonly url: URL; readonly startedAt: number },
): Promise<Outcome> {
  const began = performance.now();
  const outcome = (status: number, wrong: string | undefined): Outcome => ({
    kind,
    sentAtMs: began - at.startedAt,
    tookMs: performance.now() - began,
    status,
    wrong,
  });
  try {
    const answer = await exchange(kind, at).catch((error: unknown) => {
      // The server may close an idle connection in the moment in which it is used again; clients ask again then.
      if (error instanceof ClosedWhileIdle) return exchange(kind, at);
      throw error;
    });
    return outcome(answer.status, judge(kind, answer));
  } catch (error) {
    return outcome(0, `${kind.name}: no answer: ${String(error)}`);
  }
}

class ClosedWhileIdle extends Error {}

/** What is wrong with an answer. */
export function judge({ name, guarded, status, holds }: Kind, answer: Answer): string | undefined {
  if (guarded && answer.status === 503) {
    if (answer.text !== notReady) return `${name}: 503 with ${answer.text.slice(0, 200)}`;
    const isTold = /^[1-9]\d*$/.test(answer.retryAfter ?? "");
    return isTold ? undefined : `${name}: 503 with Retry-After ${answer.retryAfter}`;
  }
  if (answer.status !== status) return `${name}: ${answer.status} ${answer.text.slice(0, 200)}`;
  const isHeld = holds === undefined || answer.text.includes(holds);
  return isHeld ? undefined : `${name}: ${answer.status} without ${holds}: ${answer.text.slice(0, 200)}`;
}

async function exchange(
  { method, path, body, webSocket = false }: Kind,
  { agent, url }: { readonly agent: Agent; readonly url: URL },
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const upgrade = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  return await new Promise((resolve, reject) => {
    const { hostname, port } = url;
    const sent = request({
      hostname,
      port,
      path,
      method,
      agent: webSocket ? false : agent,
      headers: {
        ...(text === undefined ? {} : { "content-type": "application/json" }),
        ...(webSocket ? upgrade : {}),
      },
      timeout: answerWithinMs,
    });
    sent.once("timeout", () => sent.destroy(new Error(`nothing within ${answerWithinMs} ms`)));
    sent.once("error", (error: NodeJS.ErrnoException) => {
      const isIdle = sent.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      reject(isIdle ? new ClosedWhileIdle(error.message) : error);
    });
    sent.once("upgrade", ({ statusCode = 0 }, socket) => {
      socket.on("error", () => {});
      socket.destroy();
      resolve({ status: statusCode, retryAfter: undefined, text: "" });
    });
    sent.once("response", (response) => read(response, { resolve, reject }));
    sent.end(text);
  });
}

/** With events and not by iteration: at this rate that is a good part of what this process does. */
function read(
  response: IncomingMessage,
  {
    resolve,
    reject,
  }: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void },
): void {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  response.once("error", reject);
  response.once("end", () => {
    const text = Buffer.concat(chunks).toString();
    resolve({ status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"], text });
  });
}
