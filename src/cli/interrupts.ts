/** The signals a person or a service manager stops us with. */
export type InterruptName = "SIGINT" | "SIGTERM";

/** What was asked of this process from outside, from its first instruction on. */
export interface Interrupts {
  /** Aborts with the first SIGINT or SIGTERM: stop in good order. */
  readonly signal: AbortSignal;
  /** Aborts with the second: stop at once. */
  readonly killSignal: AbortSignal;
  /** The first one received. */
  readonly received: () => InterruptName | undefined;
  /** Aborts `signal` for a reason that is not an interrupt, for example a closed standard output. */
  readonly abort: (reason: unknown) => void;
}

/** Exit code of a process that an interrupt ended before it was done. */
export const interruptExitCode: Readonly<Record<InterruptName, number>> = { SIGINT: 130, SIGTERM: 143 };

/** Listens for SIGINT and SIGTERM for the rest of the process's life. The third one ends the process on the spot. */
export function listenForInterrupts(process: NodeJS.Process): Interrupts {
  const stop = new AbortController();
  const kill = new AbortController();
  let first: InterruptName | undefined;
  const listen = (name: InterruptName): void => {
    process.on(name, () => {
      if (kill.signal.aborted) process.exit(interruptExitCode[name]);
      if (first !== undefined) {
        kill.abort(new Error(`Interrupted twice, by ${first} and ${name}`));
        return;
      }
      first = name;
      stop.abort(new Error(`Interrupted by ${name}`));
    });
  };
  listen("SIGINT");
  listen("SIGTERM");
  return {
    signal: stop.signal,
    killSignal: kill.signal,
    received: () => first,
    abort: (reason) => stop.abort(reason),
  };
}
