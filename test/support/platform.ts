import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { openRunner } from "../../src/drivers/runner/open.ts";
import { useBed } from "../bed/bed.ts";
import { askEngine, callEngine } from "../bed/engine-api.ts";
import { waitFor } from "../bed/processes.ts";
import { type Ended, freePort, type Lash, type Line, openProject, type Project } from "./cli.ts";

/** Of every runner and server here, unless a test is about another one. */
export const sharedSecret = "the secret of the platform's tests";

/** Longest a probe may take: src/connectivity/monitor.ts. */
export const probeDeadlineMs = 3000;

/** The two answers of the guard, byte by byte. */
export const notReady = {
  runner: '{"error":{"code":"docker_runner_not_ready","message":"docker-runner not ready"}}',
  engine: '{"error":{"code":"engine_not_ready","message":"engine not ready"}}',
} as const;

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** From the request to the last byte. */
  readonly ms: number;
}

/** What /health says of the dependency. */
export interface Dependency {
  readonly status: "unknown" | "up" | "down";
  readonly optional: boolean;
  readonly baseUrl: string;
  readonly consecutiveFailures: number;
  readonly exhausted: boolean;
  readonly lastCheckedAt?: string;
  readonly lastSuccessAt?: string;
  readonly lastFailureAt?: string;
  readonly lastDurationMs?: number;
  readonly nextRetryAt?: string;
  readonly reason?: string;
  readonly lastError?: { readonly code: string; readonly message: string; readonly statusCode?: number };
}

export interface AskOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** One of the two long-lived processes. */
export interface PlatformProcess {
  readonly pid: number;
  readonly url: string;
  readonly ended: Promise<Ended>;
  readonly isAlive: boolean;
  /** Its log, one object a line. */
  logs(): readonly Line[];
  signal(name: NodeJS.Signals): void;
  /** Ends it and resolves when it has. */
  kill(name?: NodeJS.Signals): Promise<Ended>;
}

export interface PlatformServer extends PlatformProcess {
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** A request for a WebSocket, and what is answered to it. */
  upgrade(path: string): Promise<Answer>;
  health(): Promise<Dependency>;
  /** Resolves with the first snapshot for which it holds, and the time that took. */
  untilHealth(
    holds: (dependency: Dependency) => boolean,
    options?: { readonly timeoutMs?: number },
  ): Promise<{ readonly dependency: Dependency; readonly ms: number }>;
  /** Looks again now, without a request that needs the engine. */
  retry(): Promise<void>;
  containers(query?: string): Promise<readonly ListedContainer[]>;
}

export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly image: string;
}

/** A folder, an environment without the machine's own engines, and whatever was started in it, ended at its end. */
export interface Platform extends AsyncDisposable {
  readonly project: Project;
  /** Label of the containers of its servers. */
  readonly name: string;
  /** Starts `lash runner`; resolves once it listens. Without a port: any that is free. */
  runner(options?: {
    readonly port?: number;
    readonly socket?: string;
    readonly env?: NodeJS.ProcessEnv;
  }): Promise<PlatformProcess>;
  /** Starts `lash server`; resolves once it listens. Without `runner`: with the engine of DOCKER_HOST. */
  server(options?: {
    readonly runner?: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly args?: readonly string[];
  }): Promise<PlatformServer>;
}

/** Nothing but a request, an event or an admin call brings a server with these back: the next try is a minute away. */
export const noRetries: NodeJS.ProcessEnv = {
  DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS: "60000",
  DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS: "60000",
};

export async function openPlatform(
  options: {
    /** Words before `lash`. */
    readonly under?: readonly string[];
  } = {},
): Promise<Platform> {
  const project = await openProject({ ...options, env: { LASH_SERVER_LOG_LEVEL: "debug" } });
  const { name } = project;
  const started: Lash[] = [];
  const start = (args: readonly string[], env: NodeJS.ProcessEnv): Lash => {
    const lash = project.start(args, { env, timeoutMs: 600_000 });
    started.push(lash);
    return lash;
  };
  return {
    project,
    name,
    async runner({ port, socket = useBed().socket, env = {} } = {}) {
      const lash = start(["runner"], {
        DOCKER_RUNNER_PORT: String(port ?? 0),
        DOCKER_RUNNER_SHARED_SECRET: sharedSecret,
        DOCKER_SOCKET: socket,
        ...env,
      });
      return processOf(lash, await listening(lash, "listening"));
    },
    async server({ runner, env = {}, args = [] } = {}) {
      const named = runner === undefined ? {} : runnerAt(runner);
      const lash = start(["server", "--port", "0", "--name", name, ...args], { ...named, ...env });
      return serverOf(lash, await listening(lash, "the server listens"));
    },
    async [Symbol.asyncDispose]() {
      // A stopped process has to hear of its end too.
      for (const lash of started) lash.signal("SIGKILL");
      await Promise.all(started.map(async ({ ended }) => await ended));
      await removeContainers(project.socket, name);
      await project[Symbol.asyncDispose]();
    },
  };
}

/** Settings of a server whose runner is there. */
export function runnerAt(url: string): NodeJS.ProcessEnv {
  return { DOCKER_RUNNER_BASE_URL: url, DOCKER_RUNNER_SHARED_SECRET: sharedSecret };
}

/** An address of a runner that is not there yet. */
export async function freeAddress(): Promise<{ readonly port: number; readonly url: string }> {
  const port = await freePort();
  return { port, url: `http://127.0.0.1:${port}` };
}

/** Resolves once a runner there takes our signature and its engine answers. */
export async function untilReady(url: string): Promise<void> {
  await using engine = openRunner({ baseUrl: url, sharedSecret });
  let last = "";
  await waitFor(
    async () => {
      try {
        await engine.ready({ signal: AbortSignal.timeout(probeDeadlineMs) });
        return true;
      } catch (error) {
        last = String(error);
        return undefined;
      }
    },
    { timeoutMs: 20_000, everyMs: 5, describe: () => `the runner at ${url} is not ready: ${last}` },
  );
}

/** A container that runs until it is told to end. */
export function sleeper(name: string): unknown {
  const command = ["sh", "-c", "trap 'exit 0' TERM; echo begun; while :; do sleep 0.1; done"];
  return { image: "lash-base:1", name, command };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error("no values");
  return middle;
}

export async function pause(ms: number): Promise<void> {
  await sleep(ms);
}

export async function ask(
  url: string,
  method: string,
  path: string,
  { body, headers = {}, timeoutMs = 15_000 }: AskOptions = {},
): Promise<Answer> {
  const began = performance.now();
  const content = body === undefined ? undefined : JSON.stringify(body);
  const type = body === undefined ? {} : { "content-type": "application/json" };
  return await new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, url),
      { method, agent: false, headers: { ...type, ...headers }, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => void (text += chunk));
        response.once("error", reject);
        response.once("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            ms: performance.now() - began,
          }),
        );
      },
    );
    sent.once("upgrade", (response, socket) => {
      socket.destroy();
      const ms = performance.now() - began;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: "", ms });
    });
    sent.once("error", reject);
    sent.end(content);
  });
}

async function listening(lash: Lash, message: string): Promise<string> {
  return await waitFor(
    async () => {
      const line = lash.lines().find(({ msg, message: text }) => msg === message || text === message);
      if (line !== undefined) return String(line["url"]);
      const over = await Promise.race([lash.ended, Promise.resolve(undefined)]);
      if (over !== undefined) throw new Error(`it ended: exit ${over.code}\n${over.stdout}\n${over.stderr}`);
      return undefined;
    },
    { timeoutMs: 20_000, everyMs: 2, describe: () => `it does not listen\n${lash.stdout}\n${lash.stderr}` },
  );
}

function processOf(lash: Lash, url: string): PlatformProcess {
  let isAlive = true;
  void lash.ended.then(() => {
    isAlive = false;
  });
  return {
    pid: lash.pid,
    url,
    ended: lash.ended,
    get isAlive() {
      return isAlive;
    },
    logs: () => lash.lines(),
    signal: (name) => lash.signal(name),
    async kill(name = "SIGKILL") {
      lash.signal(name);
      return await lash.ended;
    },
  };
}

function serverOf(lash: Lash, url: string): PlatformServer {
  const health = async (): Promise<Dependency> => {
    const answer = await ask(url, "GET", "/health");
    if (answer.status !== 200) throw new Error(`/health answered ${answer.status}: ${answer.text}`);
    const { dependencies } = JSON.parse(answer.text) as {
      readonly dependencies: { readonly dockerRunner?: Dependency; readonly engine?: Dependency };
    };
    const found = dependencies.dockerRunner ?? dependencies.engine;
    if (found === undefined) throw new Error(`/health names no dependency: ${answer.text}`);
    return found;
  };
  // Not spread: whether it is alive is asked anew each time.
  return Object.assign(processOf(lash, url), {
    ask: async (method: string, path: string, options?: AskOptions) => await ask(url, method, path, options),
    upgrade: async (path: string) =>
      await ask(url, "GET", path, {
        headers: {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
      }),
    health,
    async untilHealth(holds: (dependency: Dependency) => boolean, { timeoutMs = 15_000 } = {}) {
      const began = performance.now();
      let last: Dependency | undefined;
      const dependency = await waitFor(
        async () => {
          last = await health();
          return holds(last) ? last : undefined;
        },
        { timeoutMs, everyMs: 5, describe: () => `/health stays ${JSON.stringify(last)}` },
      );
      return { dependency, ms: performance.now() - began };
    },
    async retry() {
      const answer = await ask(url, "POST", "/api/dependency/retry", { body: {} });
      if (answer.status !== 204) throw new Error(`retry answered ${answer.status}: ${answer.text}`);
    },
    async containers(query = "?status=all") {
      const answer = await ask(url, "GET", `/api/containers${query}`);
      if (answer.status !== 200) throw new Error(`the list answered ${answer.status}: ${answer.text}`);
      const { items } = JSON.parse(answer.text) as { readonly items: readonly ListedContainer[] };
      return items
        .map(({ id, name, state, image }) => ({ id, name, state, image }))
        .sort((a, b) => a.id.localeCompare(b.id));
    },
  });
}

async function removeContainers(socket: string, server: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`lash.server=${server}`] }));
  const all = await askEngine<{ Id: string }[]>(socket, `/containers/json?all=1&filters=${filters}`);
  await Promise.all(
    all.map(async ({ Id }) => {
      await callEngine(socket, `/containers/${Id}?force=1&v=1`, { method: "DELETE", timeoutMs: 15_000 });
    }),
  );
}

/** What a server answers without its engine, by the design; everything else of its document needs the engine. */
export const unguarded = [
  "GET /health",
  "GET /health/live",
  "GET /health/ready",
  "GET /health/startup",
  "POST /api/dependency/retry",
  "GET /metrics",
  "GET /api/openapi.json",
] as const;

export interface GuardedCall {
  readonly method: string;
  readonly path: string;
}

/** One call of every operation that needs the engine, after the server's own document. */
export async function guardedCalls(server: PlatformServer): Promise<readonly GuardedCall[]> {
  const { text } = await server.ask("GET", "/api/openapi.json");
  const { paths } = JSON.parse(text) as { readonly paths: Readonly<Record<string, object>> };
  const values: Readonly<Record<string, string>> = {
    container: "some-container",
    session: "00000000-0000-4000-8000-000000000000",
    stack: "some-stack",
    resource: "some-resource",
  };
  const exempt: readonly string[] = unguarded;
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      .map((method) => method.toUpperCase())
      .filter((method) => ["GET", "POST", "PUT", "PATCH", "DELETE"].includes(method))
      .filter((method) => !exempt.includes(`${method} ${path}`))
      .map((method) => ({
        method,
        path: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
          const value = values[name];
          if (value === undefined) throw new Error(`no value for {${name}} in ${path}`);
          return value;
        }),
      })),
  );
}

/** The answers of every operation that needs the engine, and of an upgrade: "METHOD /path" and what is wrong with it. */
export async function unlikeNotReady(server: PlatformServer, body: string): Promise<readonly string[]> {
  const calls = await guardedCalls(server);
  const answers = await Promise.all([
    ...calls.map(async ({ method, path }) => {
      const options = method === "GET" || method === "DELETE" ? {} : { body: {} };
      return { call: `${method} ${path}`, answer: await server.ask(method, path, options) };
    }),
    ...["some-container", "another"].map(async (container) => {
      const query = `sessionId=00000000-0000-4000-8000-000000000000&token=${"0".repeat(48)}`;
      const path = `/api/containers/${container}/terminal?${query}`;
      return { call: `WebSocket ${path}`, answer: await server.upgrade(path) };
    }),
  ]);
  return answers.flatMap(({ call, answer }) => {
    const { status, text, headers } = answer;
    const retryAfter = String(headers["retry-after"]);
    const isRight = status === 503 && text === body && /^[1-9]\d*$/.test(retryAfter);
    return isRight ? [] : [`${call}: ${status}, Retry-After ${retryAfter}: ${text}`];
  });
}
