import { abortable } from "../async/signals.ts";
import type { Condition } from "../model/stack.ts";
import type { Failure } from "../recovery/failure.ts";
import type { ResourceStatus } from "./status.ts";

type Listener = (status: ResourceStatus) => void;

/** How waiting for a dependency ended. */
export type WaitVerdict = { readonly type: "met" } | { readonly type: "never"; readonly failure: Failure };

/** Owns the status of every resource of a stack: the one place where a status changes. */
export class Board {
  readonly #statuses = new Map<string, ResourceStatus>();
  readonly #listeners = new Map<string, Set<Listener>>();

  get(name: string): ResourceStatus {
    return this.#statuses.get(name) ?? { tag: "pending" };
  }

  set(name: string, status: ResourceStatus): void {
    this.#statuses.set(name, status);
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(status);
  }

  /** Calls the listener with every later status of this resource; returns the function that ends it. */
  subscribe(name: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * Resolves when the condition is met or can no longer be. A dependency that stopped, failed, or ended without being
   * asked to complete will not become ready any more, whether it ran before or not.
   */
  async waitFor(name: string, condition: Condition, signal: AbortSignal): Promise<WaitVerdict> {
    const now = judge(name, condition, this.get(name));
    if (now !== undefined) return now;
    let unsubscribe = (): void => {};
    const settled = new Promise<WaitVerdict>((resolve) => {
      unsubscribe = this.subscribe(name, (status) => {
        const verdict = judge(name, condition, status);
        if (verdict !== undefined) resolve(verdict);
      });
    });
    try {
      return await abortable(settled, signal);
    } finally {
      unsubscribe();
    }
  }
}

/** Whether a dependency in this status meets the condition; undefined: not yet. */
export function judge(name: string, condition: Condition, status: ResourceStatus): WaitVerdict | undefined {
  switch (status.tag) {
    case "failed":
      return never(status.failure);
    case "stopped":
    case "stopping":
      return never({
        code: "dependency-failed",
        subject: name,
        message: `"${name}" was stopped`,
        evidence: "",
      });
    case "completed":
      return { type: "met" };
    case "ready":
      return condition === "completed" ? undefined : { type: "met" };
    case "running":
      return condition === "started" ? { type: "met" } : undefined;
    case "unhealthy":
    case "restarting":
    case "pending":
    case "pulling":
    case "building":
    case "waiting":
    case "starting":
      return undefined;
  }
}

function never(failure: Failure): WaitVerdict {
  return { type: "never", failure };
}
