import { request as httpRequest } from "node:http";
import { createMemoryEngine, type MemoryEngine } from "../../src/drivers/memory/memory-engine.ts";
import { openRunner, type RunnerEngine, type RunnerOptions } from "../../src/drivers/runner/open.ts";
import { type Policy, parsePolicy } from "../../src/runner/policy.ts";
import { bodyHash, bodyHashHeader, signedHeaders } from "../../src/runner/protocol/signature.ts";
import { openRunnerService, type RunnerService, type ServiceOptions } from "../../src/runner/service.ts";

export const benchSecret = "the secret of the bench";
/** Two owners, each with a key. */
export const keys = {
  alice: { id: "default", secret: benchSecret },
  bob: { id: "bob", secret: "the secret of bob" },
} as const;

/** A policy of the bench: two owners, and what is given. */
export function benchPolicy(more: Readonly<Record<string, unknown>> = {}): Policy {
  const list = [
    { id: "default", owner: "alice" },
    { id: "bob", owner: "bob", secretVariable: "BOB" },
  ];
  return parsePolicy(
    { keys: list, ...more },
    {
      sharedSecret: benchSecret,
      environment: { BOB: keys.bob.secret },
      readSecret: () => "",
      source: "test",
    },
  );
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** `error.code` of the body. */
  readonly code: string | undefined;
}

export interface RunnerBench extends AsyncDisposable {
  readonly memory: MemoryEngine;
  readonly service: RunnerService;
  /** A driver of one of the owners. */
  open(options?: Partial<RunnerOptions>): RunnerEngine;
  /** A request as it is given; signed unless `headers` say otherwise. */
  ask(method: string, path: string, options?: AskOptions): Promise<RawAnswer>;
}

export interface AskOptions {
  readonly body?: string | Uint8Array | undefined;
  /** Added to the signed ones. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly unsigned?: boolean | undefined;
  readonly key?: { readonly id: string; readonly secret: string } | undefined;
}

/** A service over an engine in memory, in this process. */
export async function openBench(
  options: Partial<ServiceOptions> & { readonly memory?: MemoryEngine } = {},
): Promise<RunnerBench> {
  const memory = options.memory ?? createMemoryEngine({ images: ["work:1"], pullable: ["far:1"] });
  const service = await openRunnerService({
    engine: memory,
    policy: benchPolicy(),
    host: "127.0.0.1",
    port: 0,
    ...options,
  });
  const opened: RunnerEngine[] = [];
  return {
    memory,
    service,
    open(more = {}) {
      const engine = openRunner({ baseUrl: service.url, sharedSecret: benchSecret, ...more });
      opened.push(engine);
      return engine;
    },
    ask: (method, path, ask = {}) => askRunner(service.url, method, path, ask),
    async [Symbol.asyncDispose]() {
      for (const each of opened) await each[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      await memory[Symbol.asyncDispose]();
    },
  };
}

/** One request, without Lash's own driver. */
export async function askRunner(
  url: string,
  method: string,
  path: string,
  { body = "", headers = {}, unsigned = false, key = keys.alice }: AskOptions = {},
): Promise<RawAnswer> {
  const signed = unsigned
    ? {}
    : signedHeaders({ method, path, bodyHash: bodyHash(body) }, { key, nowMs: Date.now() });
  const { hostname, port } = new URL(url);
  return await new Promise<RawAnswer>((resolve, reject) => {
    const request = httpRequest({
      hostname,
      port,
      method,
      path,
      agent: false,
      headers: {
        ...(body.length > 0 ? { "content-type": "application/json" } : {}),
        ...(body.length > 0 && headers["transfer-encoding"] === undefined
          ? { "content-length": body.length }
          : {}),
        ...(path === "/v1/build" ? { [bodyHashHeader]: bodyHash(body) } : {}),
        ...signed,
        ...headers,
      },
    });
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, code: codeIn(text) });
      });
    });
    request.end(body);
  });
}

function codeIn(text: string): string | undefined {
  try {
    const value = JSON.parse(text) as { readonly error?: { readonly code?: string } } | null;
    return value?.error?.code;
  } catch {
    return undefined;
  }
}
