import { LashError } from "../model/errors.ts";

/** Resources that are being changed: one change of a resource at a time, different resources do not wait. */
export class Busy {
  readonly #names = new Set<string>();

  /** Claims them until disposal. Throws `resource-busy` when another change has one of them. */
  claim(command: string, names: readonly string[]): Disposable {
    const busy = names.find((name) => this.#names.has(name));
    if (busy !== undefined) {
      throw new LashError(
        "resource-busy",
        `Cannot ${command} "${busy}": another change of it is in progress`,
        { hint: "Wait for it to end" },
      );
    }
    for (const name of names) this.#names.add(name);
    return {
      [Symbol.dispose]: () => {
        for (const name of names) this.#names.delete(name);
      },
    };
  }
}
