import { createHash, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { LashError } from "../model/errors.ts";

/** A terminal that was asked for: who has its token may connect to it. */
export interface TerminalSession {
  readonly id: string;
  readonly containerId: string;
  readonly command: readonly string[];
  readonly user: string | undefined;
  readonly columns: number;
  readonly rows: number;
  readonly createdAtMs: number;
  /** When it ends at the latest. */
  readonly expiresAtMs: number;
}

export interface TerminalRequest {
  readonly command?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly columns: number;
  readonly rows: number;
}

interface Known {
  readonly session: TerminalSession;
  readonly tokenHash: Buffer;
  idleSinceMs: number;
  /** Ends the connection that has it; undefined: none has. */
  end: (() => void) | undefined;
}

/** A session nobody is connected to is kept this long, so that a browser can come back. */
export const terminalIdleMs = 10 * 60_000;
const longestMs = 8 * 3_600_000;
const mostSessions = 200;

/** The best shell there is. */
const shell = ["/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"];

/** Terminal sessions, in memory: they end with the server. */
export class Terminals {
  readonly #known = new Map<string, Known>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The token is told once and not kept. */
  open(
    containerId: string,
    request: TerminalRequest,
  ): { readonly session: TerminalSession; readonly token: string } {
    this.#prune();
    if (this.#known.size >= mostSessions) {
      throw new LashError("resource-busy", `Cannot open a terminal: ${mostSessions} are open`, {
        data: { what: "sessions" },
        hint: "Close one, or wait until one that is not used has ended",
      });
    }
    const nowMs = this.#nowMs();
    const token = randomBytes(24).toString("hex");
    const session: TerminalSession = {
      id: randomUUID(),
      containerId,
      command: request.command ?? shell,
      user: request.user,
      columns: request.columns,
      rows: request.rows,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + longestMs,
    };
    this.#known.set(session.id, { session, tokenHash: hash(token), idleSinceMs: nowMs, end: undefined });
    return { session, token };
  }

  /** The session this token is for. Rejects with `resource-unknown`; whether id or token is wrong is not told. */
  find(id: string, token: string): TerminalSession {
    this.#prune();
    const known = this.#known.get(id);
    if (known === undefined || !timingSafeEqual(known.tokenHash, hash(token))) throw unknownSession();
    return known.session;
  }

  /** Takes the session for one connection, until disposal. `end` is called when the session ends before that. */
  connect(id: string, end: () => void): Disposable {
    const known = this.#known.get(id);
    if (known === undefined) throw unknownSession();
    if (known.end !== undefined) {
      throw new LashError("resource-busy", "Cannot connect to the terminal: another connection has it", {
        data: { what: "session" },
      });
    }
    known.end = end;
    return {
      [Symbol.dispose]: () => {
        known.end = undefined;
        known.idleSinceMs = this.#nowMs();
      },
    };
  }

  /** Its command has ended, or it is not wanted any more. */
  close(id: string): void {
    const known = this.#known.get(id);
    this.#known.delete(id);
    known?.end?.();
  }

  /** As close, for who knows the container but not the token. Rejects with `resource-unknown`. */
  closeIn(containerId: string, id: string): void {
    if (this.#known.get(id)?.session.containerId !== containerId) throw unknownSession();
    this.close(id);
  }

  closeOf(containerId: string): void {
    for (const [id, { session }] of this.#known) if (session.containerId === containerId) this.close(id);
  }

  #prune(): void {
    const nowMs = this.#nowMs();
    for (const [id, { session, idleSinceMs, end }] of this.#known) {
      const isIdle = end === undefined && nowMs - idleSinceMs > terminalIdleMs;
      if (isIdle || nowMs > session.expiresAtMs) this.close(id);
    }
  }
}

function unknownSession(): LashError {
  return new LashError("resource-unknown", "Cannot find the terminal session: it has ended or never was", {
    data: { what: "session" },
  });
}

function hash(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
