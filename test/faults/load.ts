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
}

/** Longest that any answer may take. */
const answerWithinMs = 40_000;
const tickMs = 5;
/** After a pause of this process the rest is sent no faster than this times the rate: a burst is another test. */
const catchUp = 3;
/** More at once would be a queue of this machine's and no load any more. */
const mostConnections = 3000;

/**
 * Sends at a fixed rate whatever the answers do, as many clients would, half of it to guarded kinds. Resolves when the
 * last answer is there, with how many were sent and when the last one was.
 */
export async function putLoad(
  options: LoadOptions,
): Promise<{ readonly sent: number; readonly overMs: number }> {
  const { perSecond, durationMs, kinds, random } = options;
  const [guarded, open] = [kinds.filter((each) => each.guarded), kinds.filter((each) => !each.guarded)];
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64, maxSockets: mostConnections });
  const burst = Math.ceil(((catchUp * perSecond) / 1000) * tickMs);
  const startedAt = performance.now();
  const pending = new Set<Promise<void>>();
  let sent = 0;
  try {
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const elapsed = performance.now() - startedAt;
        const due = Math.floor((Math.min(elapsed, durationMs) / 1000) * perSecond);
        const sentBefore = sent;
        for (; sent < due; sent += 1) {
          if (sent - sentBefore >= burst) break;
          const kind = chooseKind(sent % 2 === 0 ? guarded : open, random);
          const one = ask(kind, { agent, url: options.url, startedAt }).then((outcome) => {
            pending.delete(one);
            options.onOutcome(outcome);
          });
          pending.add(one);
        }
        if (elapsed < durationMs || sent < due) return;
        clearInterval(timer);
        resolve();
      }, tickMs);
    });
    const overMs = performance.now() - startedAt;
    await Promise.all(pending);
    return { sent, overMs };
  } finally {
    agent.destroy();
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
  at: { readonly agent: Agent; readonly url: string; readonly startedAt: number },
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
    const answer = await exchange(kind, at);
    return outcome(answer.status, judge(kind, answer));
  } catch (error) {
    return outcome(0, `${kind.name}: no answer: ${String(error)}`);
  }
}

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
  { agent, url }: { readonly agent: Agent; readonly url: string },
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const upgrade = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  return await new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), {
      method,
      agent: webSocket ? false : agent,
      headers: {
        ...(text === undefined ? {} : { "content-type": "application/json" }),
        ...(webSocket ? upgrade : {}),
      },
      signal: AbortSignal.timeout(answerWithinMs),
    });
    sent.once("error", reject);
    sent.once("upgrade", ({ statusCode = 0 }, socket) => {
      socket.on("error", () => {});
      socket.destroy();
      resolve({ status: statusCode, retryAfter: undefined, text: "" });
    });
    sent.once("response", (response) => void read(response).then(resolve, reject));
    sent.end(text);
  });
}

async function read(response: IncomingMessage): Promise<Answer> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"], text };
}
