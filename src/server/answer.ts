import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { type LinkedSignal, linkSignals } from "../async/signals.ts";
import { LashError, messageOf } from "../model/errors.ts";
import { authenticate, type Caller } from "./access.ts";
import { parsePart, readJson, readQuery } from "./body.ts";
import { ApiError, apiErrorOf } from "./errors.ts";
import { guard, notReadyError } from "./guard.ts";
import type { Reply, Route, StreamMessage } from "./route.ts";
import { eventStream } from "./sse.ts";
import type { ServerState } from "./state.ts";

/** One request, and what was matched of it. */
export interface Asked {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly search: URLSearchParams;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

const defaultBodyLimitBytes = 64 * 1024;
/** A healthy engine answers most calls in a tenth of this. */
const suspiciousMs = 1000;
/** Streams that may be open at once; each holds a connection here and one to the engine. */
const mostStreams = 500;

/** Answers one request of a route: whatever happens, with one of its answers, and never by throwing. */
export async function answer(state: ServerState, asked: Asked): Promise<Response> {
  const { route, incoming } = asked;
  const requestId = randomUUID();
  const startedAt = performance.now();
  let caller: Caller | undefined;
  let response: Response;
  let failure: ApiError | undefined;
  let target = targetOf(asked);
  try {
    if (route.protected !== false) {
      caller = authenticate(incoming.headers, state.settings);
      if (state.life.state === "ending") throw closingError();
    }
    response = await perform(state, asked, (made) => {
      target = made ?? target;
    });
  } catch (thrown) {
    failure = explain(state, thrown, route);
    response = errorResponse(failure);
  }
  response.headers.set("x-request-id", requestId);
  const { status } = response;
  const ms = performance.now() - startedAt;
  state.metrics.request({ method: route.method, route: route.path, status }, ms);
  const line = { requestId, method: route.method, route: route.path, status, ms: Math.round(ms) };
  if (failure?.code === "internal") state.log.fault("Cannot answer a request", failure.cause);
  state.log.debug("request", { ...line, code: failure?.code });
  if (route.audit !== undefined) {
    state.log.audit({
      requestId,
      by: caller?.by ?? "nobody",
      address: incoming.socket.remoteAddress ?? "",
      action: route.audit,
      target,
      outcome: outcomeOf(status),
      status,
      code: failure?.code,
    });
  }
  return response;
}

async function perform(
  state: ServerState,
  asked: Asked,
  onTarget: (target: string | undefined) => void,
): Promise<Response> {
  const { route, incoming, outgoing } = asked;
  const { port } = state;
  const isStream = route.success.type === "stream";
  const gone = watchClient(outgoing);
  // Streams end as soon as the server is to end; calls have until its patience ends.
  const linked = linkSignals(gone.signal, isStream ? state.closing : state.killed);
  let isKept = false;
  try {
    const params =
      route.params === undefined ? undefined : parsePart(route.params, asked.params, { part: "params" });
    const raw = readQuery(asked.search, route.repeated ?? []);
    const query = parsePart(route.query ?? noQuery, raw, { part: "query" });
    if (route.guarded(query)) await guard(port.dependency, linked.signal);
    const limit = route.bodyLimitBytes ?? defaultBodyLimitBytes;
    const body =
      route.body === undefined
        ? undefined
        : parsePart(route.body, await readJson(incoming, limit), { part: "body" });
    const lastEventId = headerText(incoming, "last-event-id");
    using _watch = isStream ? undefined : watchEngine(state, route, linked);
    const reply = await route.handle({ port, signal: linked.signal, lastEventId }, { params, query, body });
    if (reply.type !== "stream") {
      onTarget(reply.type === "json" ? reply.target : undefined);
      return responseOf(reply);
    }
    if (incoming.method === "HEAD") {
      await reply.messages[Symbol.asyncIterator]().return?.();
      return new Response(null, { headers: streamHeaders });
    }
    isKept = true;
    return streamResponse(state, { route, messages: reply.messages, linked });
  } finally {
    if (!isKept) linked[Symbol.dispose]();
  }
}

/**
 * An engine that hangs must not keep requests for as long as a call may take: one without an answer makes suspect, and
 * once the engine is known to be away, what it was asked is given up.
 */
function watchEngine({ port }: ServerState, route: Route, linked: LinkedSignal): Disposable {
  const { dependency } = port;
  const timer = setTimeout(() => dependency.suspect(), suspiciousMs);
  timer.unref();
  const unsubscribe = dependency.onLoss(() => {
    if (route.isLong === true) return;
    linked.abort(new LashError("engine-unreachable", "Cannot wait for the answer: the engine is away"));
  });
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      unsubscribe();
    },
  };
}

/** Aborts when the client leaves before its answer is out. */
function watchClient(outgoing: ServerResponse): AbortController {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) {
      gone.abort(new LashError("cancelled", "Cannot go on: the client has closed the connection"));
    }
  });
  return gone;
}

function streamResponse(
  state: ServerState,
  {
    route,
    messages,
    linked,
  }: {
    readonly route: Route;
    readonly messages: AsyncIterable<StreamMessage>;
    readonly linked: LinkedSignal;
  },
): Response {
  if (state.streams.count >= mostStreams) {
    linked[Symbol.dispose]();
    throw new ApiError("too_many_requests", `Cannot open a stream: ${mostStreams} are open`);
  }
  const release = state.streams.open();
  linked.signal.addEventListener("abort", release, { once: true });
  const stream = eventStream(messages, {
    explain(error) {
      if (state.closing.aborted) return { event: "end", data: { reason: "shutdown" } };
      if (linked.signal.aborted) return undefined;
      return { event: "error", data: explain(state, error, route).body.error };
    },
    onEnd() {
      linked.abort(new LashError("cancelled", "Cannot go on: the stream has ended"));
      linked[Symbol.dispose]();
      release();
    },
  });
  return new Response(stream, { headers: streamHeaders });
}

/** The answer to anything thrown; an engine that could not be asked is answered as by the guard. */
export function explain(state: ServerState, thrown: unknown, route: Pick<Route, "path">): ApiError {
  const { dependency } = state.port;
  const known = apiErrorOf(thrown);
  if (known === "unreachable") {
    state.log.debug("the engine could not be asked", { route: route.path, error: messageOf(thrown) });
    dependency.suspect();
    state.metrics.rejected(route.path);
    return notReadyError(dependency);
  }
  if (known.code === "docker_runner_not_ready" || known.code === "engine_not_ready") {
    state.metrics.rejected(route.path);
  }
  return known;
}

/** For every answer: nothing of it is kept, guessed at, framed, or given to another site. */
export const commonHeaders: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
};

const streamHeaders = { ...commonHeaders, "content-type": "text/event-stream", "x-accel-buffering": "no" };

export function errorResponse(error: ApiError): Response {
  return new Response(JSON.stringify(error.body), {
    status: error.status,
    headers: { ...commonHeaders, "content-type": "application/json", ...error.headers },
  });
}

export function closingError(): ApiError {
  return new ApiError("shutting_down", "Cannot answer: the server is ending", {
    headers: { connection: "close", "retry-after": "1" },
  });
}

function responseOf(reply: Exclude<Reply, { type: "stream" }>): Response {
  switch (reply.type) {
    case "json":
      return new Response(JSON.stringify(reply.body), {
        status: reply.status,
        headers: { ...commonHeaders, "content-type": "application/json" },
      });
    case "empty":
      return new Response(null, { status: 204, headers: commonHeaders });
    case "text":
      return new Response(reply.body, { headers: { ...commonHeaders, "content-type": reply.contentType } });
  }
}

function headerText(incoming: IncomingMessage, name: string): string | undefined {
  const value = incoming.headers[name];
  return typeof value === "string" && value !== "" && value.length <= 200 ? value : undefined;
}

/** What was to be changed: the path's parameters, which were checked, or "" where nothing names it. */
function targetOf({ params }: Asked): string {
  return Object.values(params)
    .map((each) => each.slice(0, 128))
    .join("/");
}

function outcomeOf(status: number): "done" | "refused" | "failed" {
  if (status < 400) return "done";
  return status < 500 ? "refused" : "failed";
}

const noQuery = z.strictObject({});
