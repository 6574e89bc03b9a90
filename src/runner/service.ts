import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { getRequestListener, RequestError } from "@hono/node-server";
import { type Logger, pino } from "pino";
import type { Engine } from "../engine/engine.ts";
import { LashError, messageOf } from "../model/errors.ts";
import { createApp } from "./app.ts";
import { Spooler } from "./body.ts";
import { ExecRegistry } from "./exec-registry.ts";
import { HttpError, refusalOf } from "./http-error.ts";
import { Ownership } from "./ownership.ts";
import type { Policy } from "./policy.ts";
import { NonceStore } from "./protocol/nonces.ts";
import { heartbeatMs } from "./protocol/sse.ts";
import { clockWindowMs, Verifier } from "./protocol/verify.ts";
import { clientErrorAnswer, EngineWatch } from "./ready.ts";
import type { RunnerContext } from "./route.ts";
import { buildRoutes } from "./routes/build.ts";
import { containerRoutes } from "./routes/containers.ts";
import { engineRoutes } from "./routes/engine.ts";
import { outputRoutes } from "./routes/output.ts";
import { imageRoutes, placeRoutes } from "./routes/things.ts";
import { Upgrades } from "./upgrade.ts";

export interface ServiceOptions {
  /** Stays the caller's: it is not closed here. */
  readonly engine: Engine;
  readonly policy: Policy;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** PEM texts; undefined: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Undefined: nothing is logged. */
  readonly log?: Logger | undefined;
  readonly nowMs?: (() => number) | undefined;
  readonly heartbeatMs?: number | undefined;
  /** How long a command that has to end has for it, at each of two signals. */
  readonly execGraceMs?: number | undefined;
  /** How long requests under way are waited for at the end. */
  readonly shutdownMs?: number | undefined;
}

/** A service that listens. Disposing ends it gracefully and in bounded time. */
export interface RunnerService extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Takes over other keys and permissions for all that comes from now on. */
  setPolicy(policy: Policy): void;
}

const defaultShutdownMs = 10_000;
/** Uploads at once, and waiting for their turn. */
const spooling = { atOnce: 4, maxWaiting: 64 } as const;
/** Longer than a client of ours keeps an idle connection, so that it is never us who close one under a request. */
const keepAliveMs = 75_000;
const headersTimeoutMs = 20_000;

/** Starts the service. Rejects with `usage` when it cannot listen there. */
export async function openRunnerService(options: ServiceOptions): Promise<RunnerService> {
  const { engine, host, tls, nowMs = Date.now, shutdownMs = defaultShutdownMs } = options;
  const log = options.log ?? pino({ level: "silent" });
  let { policy } = options;
  const stopping = new AbortController();
  const ended = new AbortController();
  const verifier = new Verifier({
    keys: () => policy.keys,
    nonces: new NonceStore({ windowMs: clockWindowMs }),
    nowMs,
  });
  const context: RunnerContext = {
    engine,
    policy: () => policy,
    ownership: new Ownership(engine),
    execs: new ExecRegistry(),
    instance: randomUUID(),
    nowMs,
    heartbeatMs: options.heartbeatMs ?? heartbeatMs,
    execGraceMs: options.execGraceMs,
    stopping: stopping.signal,
  };
  const routes = [
    ...engineRoutes,
    ...containerRoutes(),
    ...outputRoutes,
    ...imageRoutes,
    ...placeRoutes,
    ...buildRoutes,
  ];
  const app = createApp({
    routes,
    context,
    verifier,
    spooler: new Spooler(spooling),
    watch: new EngineWatch(context),
    log,
    ended: ended.signal,
  });
  const upgrades = new Upgrades(context, verifier, log);
  const server = createHttpServer(tls, app);
  server.on("upgrade", (incoming, socket, head) => upgrades.take(incoming, socket, head));
  const port = await listen(server, options);
  const end = async (): Promise<void> => {
    stopping.abort(new LashError("cancelled", "Cannot go on: the runner is stopping"));
    await close(server, { ended, shutdownMs, upgrades });
    await context.execs[Symbol.asyncDispose]();
    log.info("stopped");
  };
  let ending: Promise<void> | undefined;
  const shown = host.includes(":") ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? "http" : "https"}://${shown}:${port}`,
    port,
    setPolicy(next) {
      policy = next;
    },
    [Symbol.asyncDispose]: () => (ending ??= end()),
  };
}

function createHttpServer(tls: ServiceOptions["tls"], app: ReturnType<typeof createApp>): Server {
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // Handlers read the request themselves, and answer for what they did not read.
    autoCleanupIncoming: false,
    // An address that is none comes no further than this.
    errorHandler(error) {
      const refusal = refusalOf(
        error instanceof RequestError
          ? new HttpError("bad_request", "Cannot read the request's address")
          : error,
      );
      return Response.json(refusal.body, { status: refusal.status, headers: refusal.headers });
    },
  });
  const handler = (...[incoming, outgoing]: Parameters<typeof listener>): void =>
    void listener(incoming, outgoing);
  const settings = {
    keepAliveTimeout: keepAliveMs,
    headersTimeout: headersTimeoutMs,
    // Bodies have limits of their own: an upload may take long, as long as it goes on.
    requestTimeout: 0,
    noDelay: true,
  };
  const server =
    tls === undefined
      ? createServer(settings, handler)
      : createSecureServer({ ...settings, ...tls }, handler);
  server.on("clientError", (cause: Error, socket) => {
    if (socket.writable) socket.end(clientErrorAnswer(cause));
    else socket.destroy();
  });
  return server;
}

async function listen(server: Server, { host, port }: ServiceOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new LashError(
          "usage",
          `Cannot start the runner: it cannot listen on ${host}:${port}: ${messageOf(cause)}`,
          {
            data: { host, port, variable: "DOCKER_RUNNER_PORT" },
            hint: "Name another address with DOCKER_RUNNER_HOST and DOCKER_RUNNER_PORT",
            cause,
          },
        ),
      ),
    );
    server.listen({ host, port }, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Takes nothing new, lets what is under way end, and after a while ends it. */
async function close(
  server: Server,
  {
    ended,
    shutdownMs,
    upgrades,
  }: {
    readonly ended: AbortController;
    readonly shutdownMs: number;
    readonly upgrades: Upgrades;
  },
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Node closes what is idle at that moment; what becomes idle later would be kept for its usual time.
  const closing = setInterval(() => server.closeIdleConnections(), 20);
  const finished = Promise.all([closed, upgrades.ended()]);
  const late = new AbortController();
  const isLate = sleep(shutdownMs, true, { signal: late.signal }).catch(() => false);
  if (await Promise.race([finished.then(() => false), isLate])) {
    ended.abort(new LashError("cancelled", "Cannot wait longer: the runner is stopping"));
    // One turn for answers that are ready now.
    await sleep(50);
    server.closeAllConnections();
    await Promise.race([finished, sleep(1000)]);
  }
  late.abort();
  clearInterval(closing);
}
