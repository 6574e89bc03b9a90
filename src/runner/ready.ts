import type { IncomingMessage } from "node:http";
import { deadlineSignal } from "../async/signals.ts";
import type { EngineInfo } from "../engine/facts.ts";
import { LashError } from "../model/errors.ts";
import { version } from "../model/version.ts";
import { HttpError } from "./http-error.ts";
import { isEngineDown } from "./protocol/errors.ts";
import type { Readiness } from "./protocol/facts.ts";
import type { KnownKey } from "./protocol/verify.ts";
import type { RunnerContext } from "./route.ts";

/** An engine that takes longer to say who it is, is not ready. */
const engineDeadlineMs = 2500;
/** Anyone may ask whether we are ready, so a good answer of the engine is used for a moment. */
const freshMs = 500;

/** Whether the engine answers; asked once at a time, however many want to know. */
export class EngineWatch {
  readonly #context: Pick<RunnerContext, "engine" | "stopping">;
  #asking: Promise<EngineInfo> | undefined;
  #known: { readonly info: EngineInfo; readonly at: number } | undefined;

  constructor(context: Pick<RunnerContext, "engine" | "stopping">) {
    this.#context = context;
  }

  async info(): Promise<EngineInfo> {
    if (this.#known !== undefined && performance.now() - this.#known.at < freshMs) return this.#known.info;
    this.#asking ??= this.#ask();
    return await this.#asking;
  }

  async #ask(): Promise<EngineInfo> {
    using deadline = deadlineSignal(
      this.#context.stopping,
      engineDeadlineMs,
      () =>
        new LashError("engine-unreachable", `Cannot ask the engine: no answer within ${engineDeadlineMs} ms`),
    );
    try {
      const info = await this.#context.engine.info({ signal: deadline.signal });
      this.#known = { info, at: performance.now() };
      return info;
    } catch (error) {
      this.#known = undefined;
      throw error;
    } finally {
      this.#asking = undefined;
    }
  }
}

/** What `/v1/ready` says: to who has signed, more than that it is. */
export async function readiness(
  watch: EngineWatch,
  context: RunnerContext,
  key: KnownKey | undefined,
): Promise<Readiness | { readonly status: "ready" }> {
  try {
    const engine = await watch.info();
    if (key === undefined) return { status: "ready" };
    const { instance, nowMs } = context;
    return { status: "ready", instance, version, nowMs: nowMs(), owner: key.owner, engine };
  } catch (error) {
    // Who has signed is told what is wrong with the engine.
    if (key !== undefined && isEngineDown(error)) throw error;
    throw new HttpError("docker_unavailable", "Cannot use the engine: it does not answer");
  }
}

/** Statuses and causes of what Node could not even parse. */
export function clientErrorAnswer(cause: Error & { readonly code?: string }): string {
  const isTooLarge = cause.code === "HPE_HEADER_OVERFLOW";
  const status = isTooLarge ? "431 Request Header Fields Too Large" : "400 Bad Request";
  const error = { code: "bad_request", message: "Cannot read the request: it is no HTTP", retryable: false };
  const body = JSON.stringify({ error });
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}

/** Path without query, as it was sent. */
export function pathOf(incoming: IncomingMessage): string {
  return (incoming.url ?? "").split("?")[0] ?? "";
}
