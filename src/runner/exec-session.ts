import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { execMark, signalExec } from "../engine/end-exec.ts";
import type { Engine, ExecSession } from "../engine/engine.ts";
import { LashError } from "../model/errors.ts";
import { type ExecReason, Tail } from "./protocol/exec-frames.ts";
import type { ExecBody } from "./protocol/requests.ts";

/** What the exit frame repeats of the output. */
const tailBytes = 16 * 1024;
/** How long a command has to end by itself after SIGTERM, and to be gone after SIGKILL. */
const defaultGraceMs = 2000;

/** How a command ended. */
export interface ExecEnd {
  readonly exitCode: number | undefined;
  readonly reason: ExecReason;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command run in a container for a client. */
export class RunnerExec implements AsyncDisposable {
  readonly id = randomUUID();
  readonly owner: string;
  readonly #engine: Engine;
  readonly #container: string;
  readonly #request: ExecBody;
  readonly #session: ExecSession;
  readonly #life: AbortController;
  readonly #mark: string;
  readonly #graceMs: number;
  readonly #tails = { stdout: new Tail(tailBytes), stderr: new Tail(tailBytes) };
  readonly #finished = Promise.withResolvers<void>();
  #reason: ExecReason = "completed";
  #ending: Promise<void> | undefined;
  #limit: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;

  private constructor(
    opened: { readonly session: ExecSession; readonly life: AbortController; readonly mark: string },
    options: OpenExecOptions,
  ) {
    this.owner = options.owner;
    this.#engine = options.engine;
    this.#container = options.container;
    this.#request = options.request;
    this.#session = opened.session;
    this.#life = opened.life;
    this.#mark = opened.mark;
    this.#graceMs = options.graceMs ?? defaultGraceMs;
    const { timeoutMs = 0 } = options.request;
    if (timeoutMs > 0) this.#limit = setTimeout(() => void this.endCommand("timeout"), timeoutMs);
    this.#touch();
  }

  /** Starts the command. `signal` bounds the start alone. */
  static async open(options: OpenExecOptions): Promise<RunnerExec> {
    const { engine, container, request, signal } = options;
    const life = new AbortController();
    const onAbort = (): void => life.abort(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", onAbort, { once: true });
    // A client may have marked it, to end it by itself: two marks would be one too many.
    const mark = request.env?.[execMark] ?? randomUUID();
    try {
      const session = await engine.exec(container, {
        signal: life.signal,
        command: request.command,
        env: { ...request.env, [execMark]: mark },
        user: request.user,
        workingDir: request.workingDir,
        tty: request.tty,
        stdin: request.stdin,
      });
      return new RunnerExec({ session, life, mark }, options);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  get hasInput(): boolean {
    return this.#request.stdin === true;
  }

  /** Output as it comes; to be read once and to its end. */
  async *output(): AsyncGenerator<
    { readonly stream: "stdout" | "stderr"; readonly data: Uint8Array },
    void,
    undefined
  > {
    try {
      for await (const piece of this.#session.output) {
        this.#touch();
        this.#tails[piece.stream].add(piece.data);
        yield piece;
      }
      this.#finished.resolve();
    } catch (error) {
      this.#finished.resolve();
      // What was ended by us may end its stream in any way.
      if (this.#reason === "completed") throw error;
    }
  }

  /** How it ended, after its output has. */
  async end(): Promise<ExecEnd> {
    const tails = { stdout: this.#tails.stdout.text(), stderr: this.#tails.stderr.text() };
    let exitCode: number | undefined;
    try {
      exitCode = await this.#session.exitCode;
    } catch (error) {
      if (this.#reason === "completed") throw error;
    } finally {
      this.#stopTimers();
    }
    return { exitCode, reason: this.#reason, ...tails };
  }

  async write(data: Uint8Array): Promise<void> {
    this.#touch();
    await this.#session.write(data);
  }

  async endInput(): Promise<void> {
    await this.#session.endInput();
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#session.resize(columns, rows);
  }

  /** Ends the command and what it started, never the container. The first reason counts. */
  async endCommand(reason: Exclude<ExecReason, "completed">): Promise<void> {
    this.#ending ??= this.#endCommand(reason);
    await this.#ending;
  }

  async #endCommand(reason: ExecReason): Promise<void> {
    this.#reason = reason;
    this.#stopTimers();
    for (const signalName of ["TERM", "KILL"] as const) {
      await this.#signal(signalName);
      if (await this.#endsWithin(this.#graceMs)) return;
    }
    // Nothing to signal it with, or it cannot be ended: the connection to it goes at least.
    await this.#session[Symbol.asyncDispose]();
    this.#abort();
  }

  async #signal(signalName: "TERM" | "KILL"): Promise<void> {
    const target = { container: this.#container, mark: this.#mark, user: this.#request.user };
    // Its own time limit: the command's life must not depend on the command that ends it.
    const signal = AbortSignal.timeout(Math.max(this.#graceMs, 1000) * 5);
    await signalExec(this.#engine, target, { signalName, signal }).catch(() => {});
  }

  async #endsWithin(ms: number): Promise<boolean> {
    const late = new AbortController();
    try {
      return await Promise.race([
        this.#finished.promise.then(() => true),
        sleep(ms, false, { signal: late.signal, ref: false }),
      ]);
    } finally {
      late.abort();
    }
  }

  /** Lets go of it. A command with a time limit is ended, for nobody is left to keep it; another runs on. */
  async [Symbol.asyncDispose](): Promise<void> {
    const isBounded = (this.#request.timeoutMs ?? 0) > 0 || (this.#request.idleTimeoutMs ?? 0) > 0;
    this.#stopTimers();
    const isOver = await this.#endsWithin(0);
    if (!isOver && isBounded) await this.#signal("KILL");
    await this.#session[Symbol.asyncDispose]();
    this.#abort();
  }

  #abort(): void {
    this.#life.abort(new LashError("cancelled", "Cannot go on: the command's connection was closed"));
  }

  #touch(): void {
    const { idleTimeoutMs = 0 } = this.#request;
    if (idleTimeoutMs === 0 || this.#ending !== undefined) return;
    if (this.#idle === undefined)
      this.#idle = setTimeout(() => void this.endCommand("idle-timeout"), idleTimeoutMs);
    else this.#idle.refresh();
  }

  #stopTimers(): void {
    clearTimeout(this.#limit);
    clearTimeout(this.#idle);
  }
}

export interface OpenExecOptions {
  readonly engine: Engine;
  readonly container: string;
  readonly owner: string;
  readonly request: ExecBody;
  readonly signal: AbortSignal;
  readonly graceMs?: number | undefined;
}
