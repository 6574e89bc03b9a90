import type { ServerPort } from "../app/types.ts";
import type { ServerLog } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Life } from "./routes/meta.ts";
import type { ServerSettings } from "./settings.ts";

/** What every request shares. */
export interface ServerState {
  readonly settings: ServerSettings;
  readonly port: ServerPort;
  readonly log: ServerLog;
  readonly metrics: Metrics;
  readonly life: Life;
  readonly streams: Streams;
  /** Aborts when the server is to end: streams end, nothing new begins. */
  readonly closing: AbortSignal;
  /** Aborts when the server waits no longer for what is under way. */
  readonly killed: AbortSignal;
}

/** Counts what is open. */
export class Streams {
  readonly #opened: () => () => void;
  #count = 0;

  constructor(opened: () => () => void) {
    this.#opened = opened;
  }

  get count(): number {
    return this.#count;
  }

  /** Returns the function that tells of its end; telling twice counts once. */
  open(): () => void {
    this.#count += 1;
    const close = this.#opened();
    let isOpen = true;
    return () => {
      if (isOpen) this.#count -= 1;
      isOpen = false;
      close();
    };
  }
}
