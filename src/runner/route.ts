import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import type { Engine } from "../engine/engine.ts";
import { LashError } from "../model/errors.ts";
import type { ExecRegistry } from "./exec-registry.ts";
import { HttpError } from "./http-error.ts";
import type { Ownership } from "./ownership.ts";
import type { Policy } from "./policy.ts";
import type { Spooled } from "./protocol/spool.ts";
import type { KnownKey } from "./protocol/verify.ts";

/** What every route works with. */
export interface RunnerContext {
  readonly engine: Engine;
  readonly policy: () => Policy;
  readonly ownership: Ownership;
  readonly execs: ExecRegistry;
  /** Differs after each start. */
  readonly instance: string;
  readonly nowMs: () => number;
  readonly heartbeatMs: number;
  readonly execGraceMs: number | undefined;
  /** Aborts when the service begins to stop: streams end then, short calls go on for a while. */
  readonly stopping: AbortSignal;
}

/** A request whose signature is good. */
export interface SignedRequest<Query, Body> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly key: KnownKey;
  readonly outgoing: ServerResponse;
  readonly headers: IncomingMessage["headers"];
  /** Aborts when the client is gone, or when the service cannot wait any longer. */
  readonly signal: AbortSignal;
}

/** JSON to answer with, "" for none; or the handler has answered by itself. */
export type Reply =
  | { readonly status: 200 | 201; readonly json: unknown }
  | { readonly status: 204 }
  | { readonly status: "sent" };

export const noContent: Reply = { status: 204 };
export const sent: Reply = { status: "sent" };

/** One route, ready to be asked: it parses what it is given. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body: "none" | "json" | "spooled";
  readonly limitBytes: number;
  /** Whether it changes something, for the log. */
  readonly changes: boolean;
  run(request: SignedRequest<URLSearchParams, Buffer | Spooled>, context: RunnerContext): Promise<Reply>;
}

/** Specifications carry the most: a hundred kilobytes of variables are usual, the engine takes a few MiB. */
const jsonLimitBytes = 8 * 1024 * 1024;

/** A route that is asked with a JSON body, or with none. */
export function route<Query extends z.ZodRawShape = z.ZodRawShape, Body = undefined>(definition: {
  readonly method: Route["method"];
  readonly path: string;
  readonly query?: Query;
  readonly body?: { parse(value: unknown): Body };
  readonly handle: (
    request: SignedRequest<z.infer<z.ZodObject<Query>>, Body>,
    context: RunnerContext,
  ) => Promise<Reply>;
}): Route {
  const { method, path, body, handle } = definition;
  const query = z.strictObject(definition.query ?? ({} as Query));
  return {
    method,
    path,
    body: body === undefined ? "none" : "json",
    limitBytes: body === undefined ? 0 : jsonLimitBytes,
    changes: method !== "GET",
    run: async (request, context) => {
      const parsed = {
        query: parse(query, listsOf(request.query), "query") as z.infer<z.ZodObject<Query>>,
        body: (body === undefined ? undefined : parse(body, jsonOf(request), "body")) as Body,
      };
      return await handle({ ...request, ...parsed }, context);
    },
  };
}

/** A route that is asked with a large body that is no JSON. */
export function spooledRoute(definition: {
  readonly path: string;
  readonly contentType: string;
  readonly limitBytes: number;
  readonly handle: (
    request: SignedRequest<Readonly<Record<string, never>>, Spooled>,
    context: RunnerContext,
  ) => Promise<Reply>;
}): Route {
  const query = z.strictObject({});
  return {
    method: "POST",
    path: definition.path,
    body: "spooled",
    limitBytes: definition.limitBytes,
    changes: true,
    run: async (request, context) => {
      parse(query, listsOf(request.query), "query");
      needType(request.headers, definition.contentType);
      return await definition.handle({ ...request, query: {}, body: request.body as Spooled }, context);
    },
  };
}

/** Settles a value's shape; refuses with the first problem and where it is. */
export function parse<Value>(
  schema: { parse(value: unknown): Value },
  value: unknown,
  where: "query" | "body",
): Value {
  try {
    return schema.parse(value);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    const at = [where, ...(issue?.path ?? [])].join(".");
    throw new HttpError("validation_error", `Cannot read the request: ${at}: ${issue?.message ?? "wrong"}`);
  }
}

/** A query parameter that is there once at most; a repeated one is refused. */
export function single<Value>(schema: z.ZodType<Value, string>): z.ZodType<Value, string[]> {
  return z
    .array(z.string())
    .length(1, "expected it once")
    .transform(([text = ""]) => text)
    .pipe(schema);
}

/** Query parameters, all of them as lists. */
function listsOf(query: URLSearchParams): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries([...new Set(query.keys())].map((key) => [key, query.getAll(key)]));
}

function jsonOf(request: SignedRequest<unknown, Buffer | Spooled>): unknown {
  const bytes = request.body as Buffer;
  if (bytes.length === 0) return {};
  needType(request.headers, "application/json");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw new HttpError("bad_json", "Cannot read the request: its body is no JSON in UTF-8");
  }
}

function needType(headers: IncomingMessage["headers"], wanted: string): void {
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  if (type.trim().toLowerCase() !== wanted)
    throw new HttpError("unsupported_media_type", `Cannot read the request: its body has to be ${wanted}`);
}

/** An ability of the engine behind us, or a refusal by name. */
export function ability<Value>(value: Value | undefined, name: string): Value {
  if (value !== undefined) return value;
  throw new LashError("engine-unsupported", `Cannot use ${name}: the engine behind the runner has none`);
}
