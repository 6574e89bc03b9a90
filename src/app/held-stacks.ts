import type { Clock } from "../async/clock.ts";
import { abortable, type LinkedSignal, linkSignals } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import { isLashError, LashError, messageOf } from "../model/errors.ts";
import type { StackEvent } from "../stack/events.ts";
import type { StackHandle } from "../stack/handle.ts";
import { openStack } from "./open-stack.ts";
import type { StackNews, StackOperation } from "./server-port.ts";
import type { FoldersStack } from "./stack-folder.ts";

interface HeldStacksOptions {
  readonly engine: () => Engine;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** A stack this server is at work on, or supervises. */
interface Held {
  operation: StackOperation;
  handle: StackHandle | undefined;
  /** Settles with the operation, not with the supervision that may follow. */
  settled: Promise<void>;
  /** Settles when nothing of it is left to be done here. */
  work: Promise<void>;
  /** Ends it: what is under way is cancelled, the supervision ends, the stack goes on. */
  readonly end: LinkedSignal;
}

/** Resolves with whether there is something to supervise now. */
type StackWork = (signal: AbortSignal) => Promise<boolean>;

/** What a slow listener may be behind. */
const mostQueued = 1000;

/** The stacks that this server brings up, down, and supervises in between. */
export class HeldStacks implements AsyncDisposable {
  readonly #options: HeldStacksOptions;
  readonly #life = new AbortController();
  readonly #held = new Map<string, Held>();
  readonly #listeners = new Map<string, Set<(event: StackEvent) => void>>();

  constructor(options: HeldStacksOptions) {
    this.#options = options;
  }

  /** The handle of a stack that this server supervises or is at work on. */
  handle(stack: string): StackHandle | undefined {
    return this.#held.get(stack)?.handle;
  }

  operation(stack: string): StackOperation | undefined {
    return this.#held.get(stack)?.operation;
  }

  async settled(
    stack: string,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<StackOperation | undefined> {
    const held = this.#held.get(stack);
    if (held === undefined) return undefined;
    await abortable(held.settled, signal);
    return held.operation;
  }

  async up(
    found: FoldersStack,
    options: {
      readonly resources?: readonly string[] | undefined;
      readonly build?: boolean | undefined;
      readonly pull?: boolean | undefined;
    },
  ): Promise<StackOperation> {
    return await this.#begin(found, "up", async (handle) => {
      refuseUnknown(handle, options.resources);
      return async (signal) => {
        await handle.up({ ...options, signal });
        return true;
      };
    });
  }

  async down(
    found: FoldersStack,
    options: { readonly volumes?: boolean | undefined; readonly graceMs?: number | undefined },
  ): Promise<StackOperation> {
    return await this.#begin(found, "down", async (handle) => async (signal) => {
      await handle.down({ ...options, signal });
      return false;
    });
  }

  /** What the stack tells, while it is held here. */
  async *news(stack: string, signal: AbortSignal): AsyncGenerator<StackNews> {
    const queue: StackEvent[] = [];
    let wake = (): void => {};
    const listener = (event: StackEvent): void => {
      queue.push(event);
      if (queue.length > mostQueued) queue.shift();
      wake();
    };
    const onAbort = (): void => wake();
    const listeners = this.#listeners.get(stack) ?? new Set();
    this.#listeners.set(stack, listeners.add(listener));
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        const event = queue.shift();
        if (event !== undefined) yield { type: "stack", event };
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(stack);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new LashError("cancelled", "Cannot go on with the stack: the server ends"));
    await Promise.allSettled([...this.#held.values()].map(({ work }) => work));
  }

  /** One operation of a stack at a time. `prepare` may refuse, before anything is changed. */
  async #begin(
    { name, manifest }: FoldersStack,
    action: "up" | "down",
    prepare: (handle: StackHandle) => Promise<StackWork>,
  ): Promise<StackOperation> {
    const before = this.#held.get(name);
    if (before?.operation.state === "running") throw busy(name, before.operation.action);
    const startedAtMs = this.#options.clock.now();
    const operation: StackOperation = { action, state: "running", startedAtMs };
    const held: Held = {
      operation,
      handle: undefined,
      settled: Promise.resolve(),
      work: Promise.resolve(),
      end: linkSignals(this.#life.signal),
    };
    // From here on nobody else begins.
    this.#held.set(name, held);
    try {
      before?.end.abort(new LashError("cancelled", "Cannot go on: something else was asked for"));
      await before?.work;
      const { environment, engine } = this.#options;
      const handle = await openStack(manifest, { engine: engine(), environment, role: "supervisor" });
      const work = await prepare(handle).catch(async (error: unknown) => {
        await handle[Symbol.asyncDispose]();
        throw error;
      });
      held.handle = handle;
      const settled = Promise.withResolvers<void>();
      held.settled = settled.promise;
      held.work = this.#run(name, { held, handle, work, onSettled: settled.resolve });
      return operation;
    } catch (error) {
      this.#fail(held, error);
      throw error;
    }
  }

  async #run(
    name: string,
    run: {
      readonly held: Held;
      readonly handle: StackHandle;
      readonly work: StackWork;
      readonly onSettled: () => void;
    },
  ): Promise<void> {
    const { held, handle, work, onSettled } = run;
    const unlisten = handle.onEvent((event) => {
      for (const listener of this.#listeners.get(name) ?? []) listener(event);
    });
    try {
      const isUp = await work(held.end.signal);
      const { action, startedAtMs } = held.operation;
      held.operation = { action, state: "done", startedAtMs, endedAtMs: this.#options.clock.now() };
      onSettled();
      if (isUp) await handle.supervise({ signal: held.end.signal });
    } catch (error) {
      if (held.operation.state === "running") this.#fail(held, error);
      else this.#options.onFault(error);
      onSettled();
    } finally {
      unlisten();
      held.handle = undefined;
      held.end[Symbol.dispose]();
      await this.#close(handle);
    }
  }

  async #close(handle: StackHandle): Promise<void> {
    try {
      await handle[Symbol.asyncDispose]();
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  #fail(held: Held, error: unknown): void {
    const { action, startedAtMs } = held.operation;
    held.operation = {
      action,
      state: "failed",
      startedAtMs,
      endedAtMs: this.#options.clock.now(),
      error: { code: isLashError(error) ? error.code : "internal", message: messageOf(error) },
    };
  }
}

function refuseUnknown(handle: StackHandle, resources: readonly string[] = []): void {
  const declared = new Set(handle.stack.resources.map(({ name }) => name));
  const unknown = resources.find((name) => !declared.has(name));
  if (unknown === undefined) return;
  throw new LashError(
    "resource-unknown",
    `Cannot find resource "${unknown}" in stack "${handle.stack.project}"`,
    { data: { what: "resource", resource: unknown } },
  );
}

function busy(stack: string, action: string): LashError {
  return new LashError("resource-busy", `Cannot change stack "${stack}": its ${action} is under way`, {
    data: { what: "stack", stack },
  });
}
