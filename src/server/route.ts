import type { z } from "zod";
import type { ServerPort } from "../app/types.ts";
import type { ApiCode } from "./contract.ts";

/** One event of a stream. */
export interface StreamMessage {
  readonly event: string;
  readonly id?: string | undefined;
  readonly data: unknown;
}

/** What a handler answers. */
export type Reply =
  | {
      readonly type: "json";
      readonly status: number;
      readonly body: unknown;
      /** What was made, for the audit: the path does not name it. */
      readonly target?: string | undefined;
    }
  | { readonly type: "empty" }
  | { readonly type: "text"; readonly contentType: string; readonly body: string }
  | { readonly type: "stream"; readonly messages: AsyncIterable<StreamMessage> };

/** What a handler gets besides its parameters. */
export interface CallContext {
  readonly port: ServerPort;
  /** Aborts when the client is gone or the server ends. A stream's signal lives as long as the stream. */
  readonly signal: AbortSignal;
  /** Where the client left off, for a stream. */
  readonly lastEventId: string | undefined;
}

interface Parsed<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/** How a route answers, besides its errors. */
export type Success =
  | { readonly type: "json"; readonly status: number; readonly schema: z.ZodType }
  | { readonly type: "empty" }
  | { readonly type: "text"; readonly contentType: string }
  | { readonly type: "stream"; readonly description: string };

export interface RouteSpec<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: "GET" | "POST" | "DELETE";
  /** With parameters as OpenAPI writes them: "/api/containers/{container}". */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly params?: Params | undefined;
  readonly query?: Query | undefined;
  /** Query parameters that may come more than once. */
  readonly repeated?: readonly string[] | undefined;
  readonly body?: Body | undefined;
  readonly bodyLimitBytes?: number | undefined;
  readonly success: Success;
  /** Codes of errors that are this route's own. */
  readonly errors?: readonly ApiCode[] | undefined;
  /** Whether it needs the engine. */
  readonly guarded: boolean | ((query: z.output<Query>) => boolean);
  /** It takes as long as it takes, and ends by itself: a pull, a command. Not given up when the engine goes away. */
  readonly isLong?: boolean | undefined;
  /** Whether a token is asked for where there is one. Default true. */
  readonly protected?: boolean | undefined;
  /** What it changes, for the audit. Undefined: nothing. */
  readonly audit?: string | undefined;
  handle(
    call: CallContext,
    given: Parsed<z.output<Params>, z.output<Query>, z.output<Body>>,
  ): Promise<Reply> | Reply;
}

/** A route whose types were checked where it was defined. */
export type Route = Omit<RouteSpec<z.ZodType, z.ZodType, z.ZodType>, "guarded" | "handle"> & {
  readonly guarded: (query: unknown) => boolean;
  readonly handle: (call: CallContext, given: Parsed<unknown, unknown, unknown>) => Promise<Reply> | Reply;
};

/** Defines a route: parameters, query and body are parsed by its schemas before it is called. */
export function defineRoute<
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(spec: RouteSpec<Params, Query, Body>): Route {
  const { guarded } = spec;
  return {
    ...spec,
    guarded: (query) => (typeof guarded === "boolean" ? guarded : guarded(query as z.output<Query>)),
    handle: (call, given) =>
      spec.handle(call, given as Parsed<z.output<Params>, z.output<Query>, z.output<Body>>),
  };
}

export function json(
  body: unknown,
  { status = 200, target }: { readonly status?: number; readonly target?: string } = {},
): Reply {
  return { type: "json", status, body, target };
}

export const empty: Reply = { type: "empty" };
