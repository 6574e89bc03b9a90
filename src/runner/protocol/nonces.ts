/**
 * A sender's clock may be a window ahead of ours and the request still be accepted a window after that: a nonce that
 * is kept for twice the window outlives every timestamp it came with.
 */
const windowsKept = 2;
/** 250 000 nonces are 2000 requests a second for two minutes, in some 40 MB. */
const defaultCapacity = 250_000;

/** Nonces seen. Never forgets one that could still be replayed: when it is full it says so. */
export class NonceStore {
  /** Moment of forgetting by nonce, in the order of arrival, which is the order of those moments. */
  readonly #forgetAt = new Map<string, number>();
  readonly #keepMs: number;
  readonly #capacity: number;
  readonly #uptime: () => number;

  /** `uptimeMs` counts up whatever happens to the clock of the day. */
  constructor(options: {
    readonly windowMs: number;
    readonly capacity?: number | undefined;
    readonly uptimeMs?: (() => number) | undefined;
  }) {
    this.#keepMs = options.windowMs * windowsKept;
    this.#capacity = options.capacity ?? defaultCapacity;
    this.#uptime = options.uptimeMs ?? (() => performance.now());
  }

  has(nonce: string): boolean {
    this.#forgetOld();
    return this.#forgetAt.has(nonce);
  }

  /** Remembers it, unless it is known or there is no room. */
  add(nonce: string): "added" | "known" | "full" {
    if (this.has(nonce)) return "known";
    if (this.#forgetAt.size >= this.#capacity) return "full";
    this.#forgetAt.set(nonce, this.#uptime() + this.#keepMs);
    return "added";
  }

  get size(): number {
    return this.#forgetAt.size;
  }

  #forgetOld(): void {
    const now = this.#uptime();
    for (const [nonce, at] of this.#forgetAt) {
      // At the very end of its time a timestamp is still taken, so its nonce is still known.
      if (at >= now) return;
      this.#forgetAt.delete(nonce);
    }
  }
}
