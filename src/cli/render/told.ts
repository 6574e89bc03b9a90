import type { Failure, StackEvent } from "../../app/types.ts";

/** What a reader has seen of a stream of events, so that nothing is shown to them twice. */
export class Told {
  readonly #failures: Failure[] = [];
  readonly #addresses = new Map<string, string>();

  /** To be called once with every event, after it was shown. */
  hear(event: StackEvent): void {
    switch (event.type) {
      case "failure_detected":
        this.#failures.push(event.failure);
        return;
      case "recovery_ended":
        this.#failures.push(event.report.failure ?? event.report.detected);
        return;
      case "resource_failed":
        // One line says all of it: the block is that of the failure behind it.
        if (event.failure.code === "dependency-failed") this.#failures.push(event.failure);
        return;
      case "repair_applied":
        // From here on everything may have another port.
        if (movesPorts(event.repair.name)) this.#addresses.clear();
        return;
      case "resource_ready":
        if (event.url === undefined) this.#addresses.delete(event.name);
        else this.#addresses.set(event.name, event.url);
    }
  }

  /** Whether the reader has seen all there is to say about it. */
  knows(failure: Failure): boolean {
    return this.#failures.some((each) => sameFailure(each, failure));
  }

  /** Where a recovered resource can be reached; after a move of the ports, where everything can. */
  addresses(event: Extract<StackEvent, { readonly type: "recovered" }>): readonly string[] {
    const all = [...this.#addresses].map(([name, url]) => ({ name, url }));
    const { repair } = event.report;
    const moved = repair !== undefined && movesPorts(repair.name);
    return all.filter(({ name }) => moved || name === event.name).map(({ name, url }) => `${name} ${url}`);
  }
}

export function sameFailure(a: Failure, b: Failure): boolean {
  return a.code === b.code && a.subject === b.subject && a.message === b.message;
}

function movesPorts(repair: string): boolean {
  return repair === "use-port-bundle" || repair === "use-free-port";
}
