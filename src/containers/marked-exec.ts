import { randomUUID } from "node:crypto";
import type { Clock } from "../async/clock.ts";
import { abortable, linkSignals } from "../async/signals.ts";
import { execMark, signalExec } from "../engine/end-exec.ts";
import type { Engine, ExecOptions, ExecSession } from "../engine/engine.ts";
import { LashError } from "../model/errors.ts";

/** How long a command has to end after SIGTERM, and to be gone after SIGKILL. */
const graceMs = 2000;

/** A command in a container that can be ended, with what it started; the container is left alone. */
export class MarkedExec implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #container: string;
  readonly #user: string | undefined;
  readonly #mark: string;
  readonly #session: ExecSession;
  readonly #life: AbortController;
  readonly #over = Promise.withResolvers<void>();
  #isOver = false;

  private constructor(init: {
    readonly engine: Engine;
    readonly container: string;
    readonly user: string | undefined;
    readonly mark: string;
    readonly session: ExecSession;
    readonly life: AbortController;
  }) {
    this.#engine = init.engine;
    this.#container = init.container;
    this.#user = init.user;
    this.#mark = init.mark;
    this.#session = init.session;
    this.#life = init.life;
  }

  /** Starts the command. The signal bounds the start alone. */
  static async open(engine: Engine, container: string, options: ExecOptions): Promise<MarkedExec> {
    const mark = randomUUID();
    const life = new AbortController();
    const onAbort = (): void => life.abort(options.signal.reason);
    options.signal.throwIfAborted();
    options.signal.addEventListener("abort", onAbort, { once: true });
    try {
      const env = { ...options.env, [execMark]: mark };
      const session = await engine.exec(container, { ...options, env, signal: life.signal });
      return new MarkedExec({ engine, container, user: options.user, mark, session, life });
    } finally {
      options.signal.removeEventListener("abort", onAbort);
    }
  }

  /** To be read once and to its end. */
  async *output(): AsyncGenerator<
    { readonly stream: "stdout" | "stderr"; readonly data: Uint8Array },
    void,
    undefined
  > {
    try {
      yield* this.#session.output;
    } finally {
      this.#isOver = true;
      this.#over.resolve();
    }
  }

  get exitCode(): Promise<number> {
    return this.#session.exitCode;
  }

  write(data: Uint8Array): Promise<void> {
    return this.#session.write(data);
  }

  endInput(): Promise<void> {
    return this.#session.endInput();
  }

  resize(columns: number, rows: number): Promise<void> {
    return this.#session.resize(columns, rows);
  }

  /** Ends the command, hard if it has to be. Resolves when its output has ended, or nothing more can be done. */
  async end({ clock }: { readonly clock: Clock }): Promise<void> {
    for (const signalName of ["TERM", "KILL"] as const) {
      if (this.#isOver) return;
      await this.#signal(signalName);
      await this.#overWithin(graceMs, clock);
    }
  }

  /** Closes the connection to the command. One that still runs is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) await this.#signal("KILL");
    this.#isOver = true;
    this.#over.resolve();
    await this.#session[Symbol.asyncDispose]();
    this.#life.abort(new LashError("cancelled", "Cannot go on: the command's connection was closed"));
  }

  /** A container without a shell, or one that is gone, has nothing to signal with: the connection has to do. */
  async #signal(signalName: "TERM" | "KILL"): Promise<void> {
    const target = { container: this.#container, mark: this.#mark, user: this.#user };
    const limit = AbortSignal.timeout(2 * graceMs);
    await abortable(signalExec(this.#engine, target, { signalName, signal: limit }), limit).catch(() => {});
  }

  async #overWithin(ms: number, clock: Clock): Promise<void> {
    using late = linkSignals();
    const sleep = clock.sleep(ms, { signal: late.signal }).catch(() => {});
    await Promise.race([this.#over.promise, sleep]);
    late.abort(undefined);
  }
}
