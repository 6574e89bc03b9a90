import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServerHooks, ServerPort } from "../app/types.ts";
import { untilAborted } from "../async/signals.ts";
import { LashError, messageOf } from "../model/errors.ts";
import { version } from "../model/version.ts";
import { createHttpServer } from "./http.ts";
import { type LogDestination, openLog, type ServerLog } from "./log.ts";
import { type Metrics, openMetrics } from "./metrics.ts";
import type { Life } from "./routes/meta.ts";
import { serverRoutes } from "./routes.ts";
import { type ServerSettings, serverSettingsText } from "./settings.ts";
import { type ServerState, Streams } from "./state.ts";
import { serveTerminals, type TerminalSockets } from "./terminal-socket.ts";

/** For the end of what is behind, once nothing is asked of it any more. */
const closeMs = 3000;

export interface ServeOptions {
  readonly settings: ServerSettings;
  /** Opens what the server needs from below; its work in the background tells these hooks what happens. */
  readonly open: (hooks: ServerHooks) => Promise<ServerPort>;
  /** Where lines of the log go; default standard output. */
  readonly log?: LogDestination | undefined;
}

/** A server that listens. Disposing it ends it in good order: `settings.shutdownMs` for what is under way, 3 s for the rest. */
export interface RunningServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** For people: "http://127.0.0.1:3010". */
  readonly url: string;
}

/**
 * Starts the server and resolves once it listens. It never waits for the engine, unless that is required. Rejects with
 * `usage` when the address cannot be listened on, and with what `open` rejects with.
 */
export async function startServer({ settings, open, log: lines }: ServeOptions): Promise<RunningServer> {
  const log = openLog(settings.logLevel, lines ?? process.stdout);
  const metrics = openMetrics();
  const port = await open(hooksOf(log, metrics));
  try {
    return await listen({ settings, port, log, metrics });
  } catch (error) {
    await port[Symbol.asyncDispose]();
    throw error;
  }
}

/** Starts the server and runs it until the signal, then ends it in good order. `onListening` is told where it is. */
export async function serve(
  options: ServeOptions & {
    readonly signal: AbortSignal;
    readonly onListening?: ((server: { readonly url: string }) => void) | undefined;
  },
): Promise<void> {
  await using server = await startServer(options);
  options.onListening?.({ url: server.url });
  await untilAborted(options.signal);
}

function hooksOf(log: ServerLog, metrics: Metrics): ServerHooks {
  return {
    onDependency: (record) => log.dependency(record),
    onCleanup(record) {
      metrics.cleanedUp(record.outcome);
      const { outcome, containerId, name, attempts, error } = record;
      const fields = { containerId, name, attempts, errorMessage: error };
      if (outcome === "refused") log.warn("an unused container could not be removed", fields);
      else log.info(outcome === "removed" ? "an unused container was removed" : "clean-up pauses", fields);
    },
    onFault: (error) => log.fault("work in the background failed", error),
  };
}

async function listen(parts: {
  readonly settings: ServerSettings;
  readonly port: ServerPort;
  readonly log: ServerLog;
  readonly metrics: Metrics;
}): Promise<RunningServer> {
  const { settings, port, log, metrics } = parts;
  const closing = new AbortController();
  const killed = new AbortController();
  const life: { state: Life["state"] } = { state: "starting" };
  const streams = new Streams(() => metrics.streamOpened());
  const state: ServerState = {
    ...parts,
    life,
    streams,
    closing: closing.signal,
    killed: killed.signal,
  };
  const server = createHttpServer(state, serverRoutes(state));
  const terminals = serveTerminals(server, state);
  const address = await bind(server, settings);
  life.state = "serving";
  const url = `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
  log.info("the server listens", { url, version, settings: settingLines(settings, port) });
  let ended: Promise<void> | undefined;
  return {
    host: address.address,
    port: address.port,
    url,
    async [Symbol.asyncDispose]() {
      ended ??= end(state, { server, terminals, life, closing, killed });
      await ended;
    },
  };
}

function settingLines(settings: ServerSettings, port: ServerPort): readonly string[] {
  return `${serverSettingsText(settings)}\n${port.settingsText}`.split("\n");
}

async function bind(server: Server, { host, port }: ServerSettings): Promise<AddressInfo> {
  try {
    server.listen({ host, port });
    // Also rejects with an error that comes instead.
    await once(server, "listening");
  } catch (cause) {
    throw new LashError("usage", `Cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
      data: { host, port },
      hint: "Choose another address with LASH_SERVER_HOST and LASH_SERVER_PORT",
      cause,
    });
  }
  server.on("error", () => {});
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("unreachable: it listens on an address");
  return address;
}

/** Not ready, then no new connections, then the end of what is open, then of everything behind. */
async function end(
  { settings, port, log, streams }: ServerState,
  parts: {
    readonly server: Server;
    readonly terminals: TerminalSockets;
    readonly life: { state: Life["state"] };
    readonly closing: AbortController;
    readonly killed: AbortController;
  },
): Promise<void> {
  const { server, terminals, life, closing, killed } = parts;
  const reason = new LashError("cancelled", "Cannot go on: the server is ending");
  life.state = "ending";
  log.info("the server ends", { openStreams: streams.count });
  if (settings.drainMs > 0) await new Promise((resolve) => setTimeout(resolve, settings.drainMs));
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  closing.abort(reason);
  server.closeIdleConnections();
  const work = Promise.all([closed, terminals[Symbol.asyncDispose]()]);
  const isInTime = await within(work, settings.shutdownMs);
  killed.abort(reason);
  server.closeAllConnections();
  const isClosed = await within(Promise.all([closed, port[Symbol.asyncDispose]()]), closeMs);
  log.info("the server has ended", { inTime: isInTime && isClosed });
}

/** Whether the work was done within this time; it is not waited for any longer. */
async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  // Keeps the process alive: what is waited for may hold nothing that does.
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
