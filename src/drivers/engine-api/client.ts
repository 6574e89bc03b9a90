import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { abortable, deadlineSignal, type LinkedSignal, linkSignals } from "../../async/signals.ts";
import { LashError } from "../../model/errors.ts";
import type { Endpoint } from "./endpoint.ts";
import { connectionError, readRefusal, refusal, versionHint, versionRefusal } from "./errors.ts";
import { readBody, readText } from "./stream.ts";
import { type Answer, type Exchange, Transport } from "./transport.ts";

/** Newest version of the Engine API this client knows: Docker Engine 27. */
const ourApiVersion = "1.47";
/** What Docker Engine 20.10 and Podman 4.3 speak; older ones lack what Lash relies on, and nothing is tested on them. */
const oldestApiVersion = "1.41";

/** A call that only looks something up answers in milliseconds; a machine busy starting a stack may need seconds. */
const shortDeadlineMs = 30_000;

/** The engine's "already so" for start and stop. */
const notModified = 304;

/** What an engine says of itself before any version is agreed on. */
export interface EngineGreeting {
  /** Agreed API version. */
  readonly apiVersion: string;
  /** `Server` header, for example "Docker/28.5.2 (linux)" or "Libpod/4.3.1 (linux)". */
  readonly server: string;
  /** Whether `POST /build` with the BuildKit builder is there. */
  readonly hasBuildKit: boolean;
}

/** A list is repeated under its name. */
type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface Call {
  readonly method: Exchange["method"];
  /** Below the version, beginning with "/"; parts already escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>> | undefined;
  readonly json?: unknown;
  readonly body?: AsyncIterable<Uint8Array> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How it reads after "Cannot ". */
  readonly doing: string;
  readonly signal: AbortSignal;
  /** Until the whole answer is there; for a stream, until its head is. Undefined: the short deadline. */
  readonly deadlineMs?: number | "none" | undefined;
}

/** A streamed answer. Iterate to the end, break, or dispose: all close the connection. */
export interface Streamed extends Disposable {
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A raw connection to a process in a container. */
export interface Hijacked {
  readonly socket: Duplex;
  readonly head: Uint8Array;
}

/**
 * The Engine API at one endpoint: agrees on a version with the engine, sends calls, and turns everything that goes
 * wrong into LashErrors. After `engine-unreachable` the next call agrees anew, for another engine may answer then.
 */
export class EngineClient implements Disposable {
  readonly endpoint: Endpoint;
  readonly #transport: Transport;
  readonly #life = new AbortController();
  #greeting: Promise<EngineGreeting> | undefined;

  constructor(endpoint: Endpoint, greeting?: EngineGreeting) {
    this.endpoint = endpoint;
    this.#transport = new Transport(endpoint);
    this.#greeting = greeting === undefined ? undefined : Promise.resolve(greeting);
  }

  /** The engine's greeting; asked for once, however many wait for it. */
  async greet(signal: AbortSignal): Promise<EngineGreeting> {
    if (this.#greeting === undefined) {
      const asked = this.#ask();
      this.#greeting = asked;
      asked.catch(() => {
        if (this.#greeting === asked) this.#greeting = undefined;
      });
    }
    return await abortable(this.#greeting, signal);
  }

  /** The answer's JSON. */
  async json<T>(call: Call): Promise<T> {
    const text = await this.text(call);
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw this.#broken(call, cause);
    }
  }

  /** The answer's text, "" for statuses without one. */
  async text(call: Call): Promise<string> {
    return (await this.#read(call)).text;
  }

  /** Asks for a change. Tells whether there was something to change: the engine says "not modified" if not. */
  async change(call: Call): Promise<"changed" | "unchanged"> {
    return (await this.#read(call)).status === notModified ? "unchanged" : "changed";
  }

  async #read(call: Call): Promise<{ readonly status: number; readonly text: string }> {
    using deadline = this.#deadline(call);
    const response = await this.#respond({ ...call, signal: deadline.signal }, false);
    const text = await readText(response, deadline.signal, (cause) => this.#broken(call, cause));
    return { status: response.statusCode ?? 0, text };
  }

  /** Like `json`, and undefined when the engine does not know what was asked for. */
  async find<T>(call: Call): Promise<T | undefined> {
    try {
      return await this.json<T>(call);
    } catch (error) {
      if (error instanceof LashError && error.code === "engine-not-found") return undefined;
      throw error;
    }
  }

  /** A streamed answer on a connection of its own. */
  async stream(call: Call): Promise<Streamed> {
    const linked = linkSignals(call.signal, this.#life.signal);
    try {
      const response = await this.#head({ ...call, signal: linked.signal }, linked);
      const body = readBody(response, linked.signal, (cause) => this.#broken(call, cause));
      return {
        contentType: response.headers["content-type"] ?? "",
        chunks: disposeAfter(body, linked),
        [Symbol.dispose]() {
          response.destroy();
          linked[Symbol.dispose]();
        },
      };
    } catch (error) {
      linked[Symbol.dispose]();
      throw error;
    }
  }

  /** Takes the connection over. The signal stays in force until the socket closes. */
  async hijack(call: Call): Promise<Hijacked> {
    const linked = linkSignals(call.signal, this.#life.signal);
    try {
      const answer = await this.#send(
        { ...call, signal: linked.signal },
        { ownConnection: true, upgrade: true },
      );
      if (answer.tag === "upgraded") {
        answer.socket.once("close", () => linked[Symbol.dispose]());
        return { socket: answer.socket, head: answer.head };
      }
      await this.#refuseUnlessOk(call, answer.response);
      answer.response.destroy();
      throw new LashError(
        "engine-refused",
        `Cannot ${call.doing}: something between us and the engine does not pass on raw connections`,
        {
          data: { status: answer.response.statusCode, endpoint: this.endpoint.text },
        },
      );
    } catch (error) {
      linked[Symbol.dispose]();
      throw error;
    }
  }

  /** Cancels every call under way. */
  [Symbol.dispose](): void {
    this.#life.abort(new LashError("cancelled", "Cannot go on: the connection to the engine was closed"));
    this.#transport[Symbol.dispose]();
  }

  #deadline(call: Call): LinkedSignal {
    const linked = linkSignals(call.signal, this.#life.signal);
    if (call.deadlineMs === "none") return linked;
    const ms = call.deadlineMs ?? shortDeadlineMs;
    const bounded = deadlineSignal(linked.signal, ms, () => this.#late(call, ms));
    return {
      signal: bounded.signal,
      abort: (reason) => bounded.abort(reason),
      [Symbol.dispose]() {
        bounded[Symbol.dispose]();
        linked[Symbol.dispose]();
      },
    };
  }

  /** The head of a stream within the deadline. */
  async #head(call: Call, linked: LinkedSignal): Promise<IncomingMessage> {
    if (call.deadlineMs === "none") return await this.#respond(call, true);
    const ms = call.deadlineMs ?? shortDeadlineMs;
    const timer = setTimeout(() => linked.abort(this.#late(call, ms)), ms);
    timer.unref();
    try {
      return await this.#respond(call, true);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends, and ends with a good answer or a refusal. */
  async #respond(call: Call, ownConnection: boolean): Promise<IncomingMessage> {
    const answer = await this.#send(call, { ownConnection });
    if (answer.tag === "upgraded") {
      answer.socket.destroy();
      throw this.#broken(call, new Error("the engine switched protocols without being asked to"));
    }
    const newVersion = await this.#refuseUnlessOk(call, answer.response, true);
    if (newVersion === undefined) return answer.response;
    // What is refused for its version was not processed, so it may be sent again.
    const known = await this.greet(call.signal);
    this.#greeting = Promise.resolve({ ...known, apiVersion: newVersion });
    const second = await this.#send(call, { ownConnection });
    if (second.tag === "upgraded")
      throw this.#broken(call, new Error("the engine switched protocols unasked"));
    await this.#refuseUnlessOk(call, second.response);
    return second.response;
  }

  async #send(
    call: Call,
    how: { readonly ownConnection: boolean; readonly upgrade?: boolean },
  ): Promise<Answer> {
    const { apiVersion } = await this.greet(call.signal);
    const headers: Record<string, string> = { ...call.headers };
    if (call.json !== undefined) headers["Content-Type"] = "application/json";
    try {
      return await this.#transport.exchange({
        method: call.method,
        path: `/v${apiVersion}${call.path}${queryText(call.query)}`,
        headers,
        body: call.json === undefined ? call.body : JSON.stringify(call.json),
        signal: call.signal,
        ...how,
      });
    } catch (cause) {
      call.signal.throwIfAborted();
      throw this.#broken(call, cause);
    }
  }

  /** Throws what the engine refused. With `mayRetry`, returns the version it asks for instead, if it is that. */
  async #refuseUnlessOk(
    call: Call,
    response: IncomingMessage,
    mayRetry = false,
  ): Promise<string | undefined> {
    const status = response.statusCode ?? 0;
    if ((status >= 200 && status < 300) || status === notModified) return undefined;
    const body = await readText(response, call.signal, (cause) => this.#broken(call, cause));
    const refused = readRefusal(status, body);
    const version = versionRefusal(refused.status, refused.message);
    if (mayRetry && version !== undefined && call.body === undefined) return version;
    throw refusal({ doing: call.doing, method: call.method, path: call.path, ...refused });
  }

  #broken(call: { readonly doing: string }, cause: unknown): LashError {
    const error = connectionError(call.doing, this.endpoint.text, cause);
    if (error.code === "engine-unreachable") this.#greeting = undefined;
    return error;
  }

  #late(call: Call, ms: number): LashError {
    return this.#broken(
      call,
      new LashError(
        "engine-unreachable",
        `Cannot ${call.doing}: the engine at ${this.endpoint.text} did not answer within ${ms / 1000} s`,
        {
          data: { endpoint: this.endpoint.text, code: "ETIMEDOUT", deadlineMs: ms },
          hint: "Check that the engine is not stopped or overloaded",
        },
      ),
    );
  }

  /**
   * `/_ping` needs no version. An engine that speaks at most an older version than ours gets its own; a newer one gets
   * ours, and says so with status 400 if it has given that up, see `#respond`. Asking `/version` for its minimum
   * beforehand would cost 5 ms at each start to learn what is almost never so.
   */
  async #ask(): Promise<EngineGreeting> {
    const call: Call = {
      method: "GET",
      path: "/_ping",
      doing: "reach the engine",
      signal: this.#life.signal,
    };
    using deadline = this.#deadline(call);
    let answer: Answer;
    try {
      answer = await this.#transport.exchange({ method: "GET", path: "/_ping", signal: deadline.signal });
    } catch (cause) {
      deadline.signal.throwIfAborted();
      throw this.#broken(call, cause);
    }
    if (answer.tag === "upgraded")
      throw this.#broken(call, new Error("the engine switched protocols unasked"));
    const { headers } = answer.response;
    await this.#refuseUnlessOk({ ...call, signal: deadline.signal }, answer.response);
    await readText(answer.response, deadline.signal, (cause) => this.#broken(call, cause));
    const theirs = String(headers["api-version"] ?? "");
    if (!/^\d+\.\d+$/.test(theirs)) {
      throw new LashError(
        "engine-unreachable",
        `Cannot reach the engine: what answers at ${this.endpoint.text} is not a container engine`,
        {
          data: { endpoint: this.endpoint.text, code: "", server: String(headers.server ?? "") },
          hint: "Check DOCKER_HOST and the current docker context",
        },
      );
    }
    if (compareVersions(theirs, oldestApiVersion) < 0) {
      throw new LashError(
        "engine-api-version",
        `Cannot use the engine at ${this.endpoint.text}: it speaks API ${theirs} at most, and ${oldestApiVersion} is needed`,
        { data: { endpoint: this.endpoint.text, theirs, needed: oldestApiVersion }, hint: versionHint },
      );
    }
    return {
      apiVersion: compareVersions(theirs, ourApiVersion) < 0 ? theirs : ourApiVersion,
      server: String(headers.server ?? ""),
      hasBuildKit: headers["builder-version"] === "2",
    };
  }
}

/** Compares "1.41" with "1.9" as versions. */
export function compareVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

/** A name or id as part of a path. Image names keep their slashes. */
export function pathPart(text: string): string {
  return text.split("/").map(encodeURIComponent).join("/");
}

function queryText(query: Call["query"]): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (typeof value === "object") for (const each of value) search.append(key, each);
    else if (value !== undefined) search.append(key, String(value));
  }
  return search.size === 0 ? "" : `?${search.toString()}`;
}

async function* disposeAfter(
  chunks: AsyncIterable<Uint8Array>,
  linked: Disposable,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks;
  } finally {
    linked[Symbol.dispose]();
  }
}
