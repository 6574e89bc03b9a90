import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { ApiError, type Issue } from "./errors.ts";

/** More is not told: whoever sends this much wrong has not read the first. */
const mostIssues = 20;

/** Parses a part of a request; throws `validation_failed` with every problem, up to 20. */
export function parsePart<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  { part }: { readonly part: "params" | "query" | "body" },
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, mostIssues).map(
    ({ path, message }): Issue => ({
      path: [part, ...path].map(String).join(".").slice(0, 200),
      message: message.slice(0, 300),
    }),
  );
  const [first] = issues;
  const why = first === undefined ? "it is not as it should be" : `${first.path}: ${first.message}`;
  throw new ApiError("validation_failed", `Cannot use the request: ${why}`, { issues });
}

/** The parameters of a query, each once unless it may be repeated. */
export function readQuery(search: URLSearchParams, repeated: readonly string[]): Record<string, unknown> {
  const values = new Map<string, string | string[]>();
  for (const name of new Set(search.keys())) {
    const all = search.getAll(name);
    if (all.length > 1 && !repeated.includes(name)) {
      const issues = [{ path: `query.${name.slice(0, 100)}`, message: "it is there more than once" }];
      throw new ApiError(
        "validation_failed",
        `Cannot use the request: "${name.slice(0, 100)}" is there twice`,
        {
          issues,
        },
      );
    }
    values.set(name, repeated.includes(name) ? all : (all[0] ?? ""));
  }
  return Object.fromEntries(values);
}

/** The JSON of a request's body; no body at all counts as `{}`. Never reads more than the limit. */
export async function readJson(incoming: IncomingMessage, limitBytes: number): Promise<unknown> {
  const length = Number(incoming.headers["content-length"] ?? Number.NaN);
  if (length > limitBytes) throw tooLarge(limitBytes);
  if (length === 0 || (Number.isNaN(length) && incoming.headers["transfer-encoding"] === undefined))
    return {};
  const type = (incoming.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new ApiError(
      "unsupported_media_type",
      "Cannot use the request: its body has to be application/json",
      {
        headers: { connection: "close" },
      },
    );
  }
  const bytes = await readBytes(incoming, limitBytes);
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ApiError("bad_request", "Cannot use the request: its body is no JSON");
  }
}

/** Not by iteration: leaving that early destroys the connection before the answer is out. */
function readBytes(incoming: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = (): void => {
      incoming.off("data", onData);
      incoming.off("end", onEnd);
      incoming.off("error", onError);
      incoming.off("close", onError);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= limitBytes) return;
      done();
      incoming.pause();
      reject(tooLarge(limitBytes));
    };
    const onEnd = (): void => {
      done();
      resolve(Buffer.concat(chunks));
    };
    const onError = (): void => {
      done();
      reject(new ApiError("bad_request", "Cannot use the request: its body did not arrive whole"));
    };
    incoming.on("data", onData);
    incoming.on("end", onEnd);
    incoming.on("error", onError);
    incoming.on("close", onError);
  });
}

function tooLarge(limitBytes: number): ApiError {
  return new ApiError(
    "payload_too_large",
    `Cannot use the request: its body is larger than ${limitBytes} bytes`,
    {
      // What is left of the body is not waited for.
      headers: { connection: "close" },
    },
  );
}
