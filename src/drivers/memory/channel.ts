/** Values pushed by one side and iterated by the other, without a bound. One reader. */
export class Channel<T> implements AsyncIterable<T> {
  #values: T[] = [];
  #at = 0;
  #end: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(value: T): void {
    if (this.#end !== undefined) return;
    this.#values.push(value);
    this.#notify();
  }

  /** What was pushed before is still read. */
  end(): void {
    this.fail(undefined);
  }

  /** As `end`, but reading then throws `error`. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#notify();
  }

  /** Also forgets what was not read yet. */
  cut(error: unknown): void {
    this.#values = [];
    this.#at = 0;
    this.#end = { error };
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      while (this.#at < this.#values.length) {
        const value = this.#values.slice(this.#at, this.#at + 1);
        this.#at += 1;
        yield* value;
      }
      this.#values = [];
      this.#at = 0;
      if (this.#end !== undefined) {
        if (this.#end.error === undefined) return;
        throw this.#end.error;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
