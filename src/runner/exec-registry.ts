import type { RunnerExec } from "./exec-session.ts";

/** How long a command that was started waits for its client's socket. */
const defaultAttachMs = 10_000;

/** Commands that were started and wait for their socket. */
export class ExecRegistry implements AsyncDisposable {
  readonly #waiting = new Map<string, { readonly exec: RunnerExec; readonly timer: NodeJS.Timeout }>();
  readonly #attachMs: number;

  constructor(attachMs: number = defaultAttachMs) {
    this.#attachMs = attachMs;
  }

  add(exec: RunnerExec): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(exec.id);
      void exec[Symbol.asyncDispose]();
    }, this.#attachMs);
    this.#waiting.set(exec.id, { exec, timer });
  }

  /** The owner's command of this id, once. */
  take(id: string, owner: string): RunnerExec | undefined {
    const found = this.#waiting.get(id);
    if (found === undefined || found.exec.owner !== owner) return undefined;
    clearTimeout(found.timer);
    this.#waiting.delete(id);
    return found.exec;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { timer } of all) clearTimeout(timer);
    await Promise.all(all.map(({ exec }) => exec[Symbol.asyncDispose]()));
  }
}
