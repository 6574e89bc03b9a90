import { messageOf } from "../model/errors.ts";
import type { Failure } from "./failure.ts";
import type { Decision, Repair } from "./repair.ts";
import type { RecoveryReport } from "./report.ts";

/** A failure on its way up; whoever reports it makes data of it again. */
export class FailureError extends Error {
  override readonly name = "FailureError";
  readonly failure: Failure;

  constructor(failure: Failure, cause?: unknown) {
    super(failure.message, { cause });
    this.failure = failure;
  }
}

/** Something that may fail in a known way: one resource's start, one pull, one attempt of a job. */
export interface Operation<T, R extends Repair> {
  /** For people: `start of "backend"`. */
  readonly name: string;
  /** Rejects with FailureError for what recovery may look at; every other rejection passes through. */
  run(attempt: 1 | 2): Promise<T>;
  /** Whether this operation answers for the failure; what it does not passes through untold. Default: for every one. */
  concerns?(failure: Failure): boolean;
  /** Looks at the situation and decides, within the budget. Makes no change. */
  choose(failure: Failure): Promise<Decision<R>>;
  /** Makes the repair. Rejecting with FailureError ends the operation with that failure. */
  apply(repair: R, failure: Failure): Promise<void>;
  readonly listener: RecoveryListener<R>;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** Hears of each step before the next one is made. */
export interface RecoveryListener<R extends Repair = Repair> {
  detected(failure: Failure): void;
  repairing(repair: R, failure: Failure): void;
  repaired(repair: R, failure: Failure): void;
  ended(report: RecoveryReport): void;
}

/**
 * Runs it; after a known failure makes at most one repair and one retry, each told before it is made. Rejects with the
 * FailureError that ended it, whose failure has the first one as the end of its chain of causes.
 */
export async function recoverOnce<T, R extends Repair>(operation: Operation<T, R>): Promise<T> {
  try {
    return await operation.run(1);
  } catch (error) {
    if (!(error instanceof FailureError) || operation.concerns?.(error.failure) === false) throw error;
    return await recover(operation, error);
  }
}

async function recover<T, R extends Repair>(operation: Operation<T, R>, first: FailureError): Promise<T> {
  const { listener, name } = operation;
  const detected = first.failure;
  const decision = await operation.choose(detected);
  const base = { operation: name, detected };
  listener.detected(detected);
  if (decision.type === "give-up") {
    listener.ended({
      ...base,
      repair: undefined,
      because: decision.because,
      retry: undefined,
      outcome: "gave-up",
      failure: undefined,
    });
    throw first;
  }
  const { name: repair, what, safe } = decision.repair;
  listener.repairing(decision.repair, detected);
  const end = (rest: Partial<RecoveryReport> & Pick<RecoveryReport, "repair">): void =>
    listener.ended({
      ...base,
      because: undefined,
      retry: undefined,
      outcome: "gave-up",
      failure: undefined,
      ...rest,
    });
  /** Whatever ends it is told: a known failure with what led to it, anything else in words. */
  const endWith = (error: unknown, rest: Parameters<typeof end>[0]): unknown => {
    if (!(error instanceof FailureError)) {
      end({ ...rest, because: messageOf(error) });
      return error;
    }
    const failure = causedBy(error.failure, detected);
    end({ ...rest, failure });
    return new FailureError(failure, error);
  };
  try {
    await operation.apply(decision.repair, detected);
  } catch (error) {
    throw endWith(error, { repair: { name: repair, what, safe, outcome: "failed" } });
  }
  listener.repaired(decision.repair, detected);
  const begun = operation.now();
  const took = (): number => Math.round(operation.now() - begun);
  const done = { name: repair, what, safe, outcome: "done" } as const;
  try {
    const result = await operation.run(2);
    end({ repair: done, retry: { outcome: "worked", tookMs: took() }, outcome: "recovered" });
    return result;
  } catch (error) {
    throw endWith(error, { repair: done, retry: { outcome: "failed", tookMs: took() } });
  }
}

/** The failure with the first one as the end of its chain of causes. */
function causedBy(failure: Failure, first: Failure): Failure {
  return { ...failure, cause: failure.cause === undefined ? first : causedBy(failure.cause, first) };
}
