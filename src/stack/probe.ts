import { get as httpGet } from "node:http";
import { connect } from "node:net";

/** Where a port may be reached from here. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /**
   * True for a published port: the engine's userland proxy accepts before anything listens inside and then closes
   * without a byte (seen on 20.10 and 28), so an accepted connection proves nothing there until it has stayed open.
   */
  readonly proxied: boolean;
}

/** `no-route`: cannot be reached from here at all, so something else has to look. */
export type ProbeResult =
  | { readonly type: "passed" }
  | { readonly type: "failed"; readonly output: string }
  | { readonly type: "no-route"; readonly output: string };

/** How long a proxied connection has to stay open to count; the proxy closes within 5 ms when nothing listens. */
const proxyHoldMs = 40;

/** Errors that tell about the way there, not about the service. */
const noRouteCodes = new Set(["EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "EADDRNOTAVAIL", "EACCES"]);

/** Tries to connect once. */
export async function probeTcp(
  target: Target,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ProbeResult> {
  options.signal.throwIfAborted();
  const socket = connect({ host: target.host, port: target.port });
  const where = `${target.host}:${target.port}`;
  try {
    return await new Promise<ProbeResult>((resolve, reject) => {
      const onAbort = (): void => reject(options.signal.reason as Error);
      options.signal.addEventListener("abort", onAbort, { once: true });
      const settle = (result: ProbeResult): void => {
        options.signal.removeEventListener("abort", onAbort);
        resolve(result);
      };
      socket.setTimeout(options.timeoutMs, () =>
        settle({ type: "no-route", output: `${where}: no answer in ${options.timeoutMs} ms` }),
      );
      socket.once("connect", () => {
        if (!target.proxied) {
          settle({ type: "passed" });
          return;
        }
        socket.resume();
        socket.once("data", () => settle({ type: "passed" }));
        setTimeout(() => settle({ type: "passed" }), proxyHoldMs).unref();
      });
      socket.once("error", (error: NodeJS.ErrnoException) =>
        settle({
          type: noRouteCodes.has(error.code ?? "") ? "no-route" : "failed",
          output: `${where}: ${error.code ?? error.message}`,
        }),
      );
      socket.once("close", () => settle({ type: "failed", output: `${where}: accepted and closed` }));
    });
  } finally {
    socket.destroy();
  }
}

/** Asks once; passes on a status in the range. Redirects are answers, they are not followed. */
export async function probeHttp(
  target: Target,
  request: { readonly path: string; readonly status: readonly [number, number] },
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ProbeResult> {
  options.signal.throwIfAborted();
  const [lowest, highest] = request.status;
  const where = `GET http://${target.host}:${target.port}${request.path}`;
  return new Promise<ProbeResult>((resolve, reject) => {
    const call = httpGet(
      {
        host: target.host,
        port: target.port,
        path: request.path,
        agent: false,
        signal: options.signal,
        timeout: options.timeoutMs,
        headers: { "user-agent": "lash" },
      },
      (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        const fits = status >= lowest && status <= highest;
        resolve(fits ? { type: "passed" } : { type: "failed", output: `${where}: ${status}` });
        response.destroy();
      },
    );
    call.once("timeout", () => {
      resolve({ type: "no-route", output: `${where}: no answer in ${options.timeoutMs} ms` });
      call.destroy();
    });
    call.once("error", (error: NodeJS.ErrnoException) => {
      if (options.signal.aborted) reject(options.signal.reason as Error);
      else
        resolve({
          type: noRouteCodes.has(error.code ?? "") ? "no-route" : "failed",
          output: `${where}: ${error.code ?? error.message}`,
        });
    });
  });
}
