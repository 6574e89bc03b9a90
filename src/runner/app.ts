import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import type { Logger } from "pino";
import { readSmallBody, type Spooler } from "./body.ts";
import { HttpError, refusalOf } from "./http-error.ts";
import { bodyHash, bodyHashHeader, emptyBodyHash } from "./protocol/signature.ts";
import type { Spooled } from "./protocol/spool.ts";
import type { AuthRefusal, KnownKey, Verifier } from "./protocol/verify.ts";
import { type EngineWatch, readiness } from "./ready.ts";
import type { Reply, Route, RunnerContext } from "./route.ts";

export interface AppOptions {
  readonly routes: readonly Route[];
  readonly context: RunnerContext;
  readonly verifier: Verifier;
  readonly spooler: Spooler;
  readonly watch: EngineWatch;
  readonly log: Logger;
  /** Aborts when requests are not waited for any longer. */
  readonly ended: AbortSignal;
}

/** The routes as a Hono application. Answers are written to Node's response directly, streams among them. */
export function createApp(options: AppOptions): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const open = { "/v1/health": health, "/v1/ready": ready };
  for (const [path, answer] of Object.entries(open)) {
    app.get(path, async ({ env, req }) => {
      await handle(env, { ...options, pattern: path, changes: false }, async (_signal, outgoing) => {
        if (env.incoming.method !== "GET" && env.incoming.method !== "HEAD")
          throw wrongMethod("GET", req.path);
        return await answer(env.incoming, outgoing, options);
      });
      return RESPONSE_ALREADY_SENT;
    });
    app.all(path, (c) => refuse(c.env, options, wrongMethod("GET", path)));
  }
  for (const route of options.routes) {
    app.on(route.method, route.path, async ({ env, req }) => {
      const about = { ...options, pattern: route.path, changes: route.changes };
      await handle(env, about, async (signal, outgoing, note) => {
        if (env.incoming.method !== route.method) throw wrongMethod(route.method, route.path);
        return await answerSigned(env.incoming, outgoing, {
          ...options,
          route,
          params: req.param() as Record<string, string>,
          signal,
          note,
        });
      });
      return RESPONSE_ALREADY_SENT;
    });
  }
  for (const path of new Set(options.routes.map((each) => each.path))) {
    const methods = options.routes.filter((each) => each.path === path).map((each) => each.method);
    app.all(path, (c) => refuse(c.env, options, wrongMethod(methods.join(", "), path)));
  }
  app.notFound((c) =>
    refuse(
      c.env,
      options,
      new HttpError("not_found", "Cannot find what was asked for: there is no such route"),
    ),
  );
  app.onError((error, c) => refuse(c.env, options, error));
  return app;
}

type Note = (fields: Readonly<Record<string, unknown>>) => void;
type Answer = (signal: AbortSignal, outgoing: ServerResponse, note: Note) => Promise<Reply>;

async function refuse(env: HttpBindings, options: AppOptions, error: unknown): Promise<Response> {
  await handle(env, { ...options, pattern: "", changes: false }, async () => {
    throw error;
  });
  return RESPONSE_ALREADY_SENT;
}

/** Runs one request to its answer, whatever happens, and logs it. */
async function handle(
  { incoming, outgoing }: HttpBindings,
  options: AppOptions & { readonly pattern: string; readonly changes: boolean },
  answer: Answer,
): Promise<void> {
  const { log, pattern, changes, ended } = options;
  const requestId = randomUUID();
  const begun = performance.now();
  const life = new AbortController();
  const end = (): void => life.abort(ended.reason);
  const closed = (): void => {
    if (!outgoing.writableFinished)
      life.abort(new HttpError("bad_request", "Cannot answer: the client is gone"));
  };
  ended.addEventListener("abort", end, { once: true });
  // The response's own, not the request's: that one closes as soon as the request was read.
  outgoing.once("close", closed);
  let fields: Readonly<Record<string, unknown>> = {};
  let failed: unknown;
  try {
    if (ended.aborted) end();
    outgoing.setHeader("x-request-id", requestId);
    const reply = await answer(life.signal, outgoing, (more) => {
      fields = { ...fields, ...more };
    });
    write(outgoing, reply);
  } catch (error) {
    failed = error;
    if (!outgoing.headersSent) writeRefusal(incoming, outgoing, error);
    else outgoing.destroy();
  } finally {
    ended.removeEventListener("abort", end);
    outgoing.off("close", closed);
  }
  const about = {
    requestId,
    method: incoming.method,
    route: pattern,
    status: outgoing.statusCode,
    durationMs: Math.round((performance.now() - begun) * 10) / 10,
    ...fields,
  };
  if (failed === undefined) log[changes ? "info" : "debug"](about, "answered");
  else logFailure(log, about, { failed, isGone: life.signal.aborted });
}

function logFailure(
  log: Logger,
  about: Readonly<Record<string, unknown>>,
  { failed, isGone }: { readonly failed: unknown; readonly isGone: boolean },
): void {
  const { status, body } = refusalOf(failed);
  const { code, message } = body.error;
  const level = isGone
    ? "debug"
    : status >= 500
      ? "error"
      : status === 401 || status === 403
        ? "warn"
        : "info";
  // Of what is not our error the stack is all there is to find it by.
  const cause = code === "internal" && failed instanceof Error ? { stack: failed.stack } : {};
  log[level]({ ...about, status, errorCode: code, message, ...cause }, "refused");
}

async function health(): Promise<Reply> {
  return { status: 200, json: { status: "ok" } };
}

/** Signed or not: a bad signature is refused, so that a wrong secret is not taken for a good one. */
async function ready(
  incoming: IncomingMessage,
  _outgoing: ServerResponse,
  options: AppOptions,
): Promise<Reply> {
  const { context, verifier, watch } = options;
  if (context.stopping.aborted) throw stopping();
  const key = verifier.isSigned(incoming.headers)
    ? checkSignature(incoming, verifier, emptyBodyHash)
    : undefined;
  return { status: 200, json: await readiness(watch, context, key) };
}

/** Checks everything that can be checked, in the order of what it costs, and only then asks the engine anything. */
async function answerSigned(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: AppOptions & {
    readonly route: Route;
    readonly params: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
    readonly note: Note;
  },
): Promise<Reply> {
  const { route, context, params, signal, note } = options;
  if (context.stopping.aborted) throw stopping();
  const { key, body } =
    route.body === "spooled" ? await takeSpooled(incoming, options) : await takeSmall(incoming, options);
  try {
    note({
      key: key.id,
      owner: key.owner,
      ...(params["name"] === undefined ? {} : { name: params["name"] }),
    });
    const query = new URLSearchParams((incoming.url ?? "").split("?").slice(1).join("?"));
    const { headers } = incoming;
    return await route.run({ params, query, body, key, outgoing, headers, signal }, context);
  } finally {
    if (!Buffer.isBuffer(body)) await body[Symbol.asyncDispose]();
  }
}

interface Taking {
  readonly route: Route;
  readonly verifier: Verifier;
  readonly spooler: Spooler;
  readonly signal: AbortSignal;
}

/** A body in memory: most that is wrong is refused before it is read, the signature as soon as it is here. */
async function takeSmall(
  incoming: IncomingMessage,
  { route, verifier, signal }: Taking,
): Promise<{ readonly key: KnownKey; readonly body: Buffer }> {
  const claim = verifier.readClaim(incoming.headers);
  if (!claim.ok) throw unauthorised(claim.refusal);
  const body = await readSmallBody(incoming, { limitBytes: route.limitBytes, signal });
  return { key: checkSignature(incoming, verifier, bodyHash(body)), body };
}

/** A large body: the signature is checked for the hash that the body is said to have, before any of it is written. */
async function takeSpooled(
  incoming: IncomingMessage,
  { route, verifier, spooler, signal }: Taking,
): Promise<{ readonly key: KnownKey; readonly body: Spooled }> {
  const told = incoming.headers[bodyHashHeader];
  if (typeof told !== "string") throw unauthorised("missing_headers");
  const key = checkSignature(incoming, verifier, told);
  const body = await spooler.spool(incoming, { limitBytes: route.limitBytes, signal });
  if (body.hash === told) return { key, body };
  await body[Symbol.asyncDispose]();
  throw unauthorised("invalid_signature");
}

/** The key that signed a request, or a refusal. */
export function checkSignature(incoming: IncomingMessage, verifier: Verifier, hash: string): KnownKey {
  const claim = verifier.readClaim(incoming.headers);
  if (!claim.ok) throw unauthorised(claim.refusal);
  const checked = verifier.check(claim.value, {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    bodyHash: hash,
  });
  if (!checked.ok) throw unauthorised(checked.refusal);
  return checked.value;
}

function unauthorised(code: AuthRefusal): HttpError {
  return new HttpError(code, `Cannot take the request: ${code.replaceAll("_", " ")}`);
}

export function stopping(): HttpError {
  return new HttpError("shutting_down", "Cannot take the request: the runner is stopping");
}

function wrongMethod(allow: string, path: string): HttpError {
  return new HttpError("method_not_allowed", `Cannot do that with ${path}: only ${allow}`, { allow });
}

function write(outgoing: ServerResponse, reply: Reply): void {
  if (reply.status === "sent") return;
  if (reply.status === 204) {
    outgoing.writeHead(204, { "cache-control": "no-store" }).end();
    return;
  }
  writeJson(outgoing, reply.status, { body: reply.json, headers: {} });
}

function writeRefusal(incoming: IncomingMessage, outgoing: ServerResponse, error: unknown): void {
  const { status, headers, body } = refusalOf(error);
  // What is left of a body that was not read must not be taken for the next request.
  if (!incoming.complete) outgoing.setHeader("connection", "close");
  writeJson(outgoing, status, { body, headers });
}

function writeJson(
  outgoing: ServerResponse,
  status: number,
  { body, headers }: { readonly body: unknown; readonly headers: Readonly<Record<string, string>> },
): void {
  const text = JSON.stringify(body);
  outgoing.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    ...headers,
  });
  outgoing.end(text);
}
