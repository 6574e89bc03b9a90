import { rename, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { makeRunFolder, removeRunFolder } from "./places.ts";
import { waitFor } from "./processes.ts";
import { createGate, type ProxyFault, relay } from "./socket-relay.ts";

export type { ProxyFault } from "./socket-relay.ts";

/** One request of a client, in the order of arrival. */
export interface RecordedCall {
  readonly method: string;
  /** Without the API version, with the query. */
  readonly path: string;
  /** Unix time in milliseconds. */
  readonly at: number;
  /** The engine's answer; absent until its first byte, and for calls that a fault kept from the engine. */
  readonly status?: number;
}

/** Which calls are meant. `path` is compared without the query; a RegExp sees the query too. */
export type CallMatcher =
  | ((call: RecordedCall) => boolean)
  | { readonly method?: string; readonly path?: string | RegExp };

export interface FaultPlan {
  readonly when: CallMatcher;
  /** The first matching call it happens to, counted from 1 and from now. Default 1. */
  readonly nth?: number;
  /** How many matching calls it happens to from there. Default 1. */
  readonly times?: number;
  readonly do: ProxyFault;
}

/** A fault that was planned. */
export interface PlannedFault {
  /** How often it has happened. */
  readonly hits: number;
  remove(): void;
}

/** A unix socket in front of an engine's that counts calls and fails where the test says. */
export interface SocketProxy extends AsyncDisposable {
  readonly socket: string;
  readonly calls: readonly RecordedCall[];
  /** Calls by "METHOD /path" without the query. */
  counts(): Record<string, number>;
  count(matcher: CallMatcher): number;
  /** Forgets the recorded calls. */
  reset(): void;
  fault(plan: FaultPlan): PlannedFault;
  /** Resolves with the first call that matches, also one of the past. */
  waitForCall(
    matcher: CallMatcher,
    options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<RecordedCall>;
  /** No byte passes in either direction; connections are still accepted, as by a stopped engine. */
  pauseAll(): void;
  resume(): void;
  /**
   * Ends every connection and refuses new ones: ECONNREFUSED, as after a killed engine, or ENOENT with `missing`,
   * as after one that ended properly.
   */
  cutAll(options?: { readonly as?: "refused" | "missing" }): Promise<void>;
  /** Ends pause, cut and every planned fault. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a proxy in front of the engine's socket `target`. */
export async function startSocketProxy(options: { readonly target: string }): Promise<SocketProxy> {
  const folder = await makeRunFolder("x");
  const socket = join(folder, "s");
  const calls: Writable<RecordedCall>[] = [];
  const plans = new Set<ActivePlan>();
  const open = new Set<Socket>();
  const gate = createGate();

  const onCall = (head: {
    method: string;
    path: string;
  }): { fault?: ProxyFault; setStatus: (status: number) => void } => {
    const call: Writable<RecordedCall> = { method: head.method, path: head.path, at: Date.now() };
    calls.push(call);
    const setStatus = (status: number): void => {
      call.status = status;
    };
    return { fault: takeFault(plans, call), setStatus };
  };
  const accept = (client: Socket): void => {
    void relay({ client, target: options.target, gate, onCall, track: (one) => track(open, one) });
  };
  let server = await listen(socket, accept);
  const endAll = (): void => {
    for (const one of open) {
      one.destroy();
    }
  };
  const find = (matcher: CallMatcher): RecordedCall[] => calls.filter((call) => matches(matcher, call));
  const close = async (): Promise<void> => {
    gate.open();
    endAll();
    await closeServer(server);
    await removeRunFolder(folder);
  };
  let closed: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => {
    closed ??= close();
    return closed;
  };
  return {
    socket,
    calls,
    counts: () => countByRoute(calls),
    count: (matcher) => find(matcher).length,
    reset() {
      calls.length = 0;
    },
    fault(plan) {
      const active: ActivePlan = { plan, seen: 0, hits: 0 };
      plans.add(active);
      return {
        get hits() {
          return active.hits;
        },
        remove: () => void plans.delete(active),
      };
    },
    waitForCall: (matcher, { timeoutMs = 10_000, signal } = {}) =>
      waitFor(() => find(matcher)[0], {
        timeoutMs,
        signal,
        everyMs: 5,
        describe: () =>
          `Cannot see the call: none of ${JSON.stringify(countByRoute(calls))} matched in ${timeoutMs} ms`,
      }),
    pauseAll: () => gate.shut(),
    resume: () => gate.open(),
    async cutAll({ as = "refused" } = {}) {
      // Closing a server unlinks its socket. One that nobody listens on must stay, or clients get ENOENT.
      if (as === "refused" && server.listening) {
        await rename(socket, `${socket}.kept`);
      }
      endAll();
      await closeServer(server);
      if (as === "refused") {
        await rename(`${socket}.kept`, socket).catch(() => undefined);
      }
    },
    async restore() {
      plans.clear();
      gate.open();
      if (!server.listening) {
        await rm(socket, { force: true });
        server = await listen(socket, accept);
      }
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface ActivePlan {
  readonly plan: FaultPlan;
  seen: number;
  hits: number;
}

/** Every plan counts the call; the first one whose turn it is acts. */
function takeFault(plans: ReadonlySet<ActivePlan>, call: RecordedCall): ProxyFault | undefined {
  let taken: ProxyFault | undefined;
  for (const active of plans) {
    if (!matches(active.plan.when, call)) {
      continue;
    }
    active.seen += 1;
    const first = active.plan.nth ?? 1;
    const isTurn = active.seen >= first && active.seen < first + (active.plan.times ?? 1);
    if (isTurn && taken === undefined) {
      active.hits += 1;
      taken = active.plan.do;
    }
  }
  return taken;
}

function matches(matcher: CallMatcher, call: RecordedCall): boolean {
  if (typeof matcher === "function") {
    return matcher(call);
  }
  const { method, path } = matcher;
  if (method !== undefined && method !== call.method) {
    return false;
  }
  if (path === undefined) {
    return true;
  }
  return typeof path === "string" ? path === withoutQuery(call.path) : path.test(call.path);
}

function countByRoute(calls: readonly RecordedCall[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method, path } of calls) {
    const route = `${method} ${withoutQuery(path)}`;
    counts[route] = (counts[route] ?? 0) + 1;
  }
  return counts;
}

function withoutQuery(path: string): string {
  return path.split("?")[0] ?? path;
}

function track(open: Set<Socket>, one: Socket): void {
  open.add(one);
  one.once("close", () => open.delete(one));
}

async function listen(path: string, accept: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, accept);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return server;
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) {
    return;
  }
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
