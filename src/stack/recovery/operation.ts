import { deadlineSignal } from "../../async/signals.ts";
import { messageOf } from "../../model/errors.ts";
import type { Failure } from "../../recovery/failure.ts";
import { FailureError, recoverOnce } from "../../recovery/recover-once.ts";
import { type Budget, chooseRepair, repairKey } from "../../recovery/repair.ts";
import type { StackContext } from "../context.ts";
import { applyRepair } from "./apply.ts";
import { explainFailure } from "./explain.ts";
import { type StackSituation, stackPlaybook } from "./playbook.ts";
import type { StackRepair } from "./repairs.ts";
import { lookAtNamesake, lookForIdleNetworks } from "./situation.ts";
import { recoveryListener } from "./tell.ts";

/** How long looking at a situation may take: a report must not wait for it. */
const lookTimeoutMs = 10_000;

/** What the operations of one `up` share. */
export interface Recovery {
  /** Repairs made so far, as `repairKey`. */
  readonly spent: Set<string>;
  /** Aborts when nobody wants the result any more: by a cancel or a time limit, not by another resource's failure. */
  readonly ended: AbortSignal;
}

/** One thing that may fail in a known way, with at most one repair and one retry. */
export interface StackOperation<T> {
  /** For people: `start of "backend"`. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly recovery: Recovery;
  /** `repaired`: what was repaired before this attempt; undefined in the first one. */
  readonly run: (repaired: StackRepair | undefined) => Promise<T>;
  /** What this operation answers for; default: everything but a taken port, which concerns the whole `up`. */
  readonly concerns?: ((failure: Failure) => boolean) | undefined;
  /** What only the caller can look at. */
  readonly look?: ((failure: Failure, signal: AbortSignal) => Promise<StackSituation>) | undefined;
  /** Instead of the usual way of making a repair. */
  readonly apply?: ((repair: StackRepair) => Promise<void>) | undefined;
}

/** Runs an operation of a stack with recovery; every failure that comes out has been told, and is explained. */
export async function recovering<T>(context: StackContext, operation: StackOperation<T>): Promise<T> {
  const { name, signal, recovery } = operation;
  const { clock } = context.settings;
  let repaired: StackRepair | undefined;
  return await recoverOnce<T, StackRepair>({
    name,
    now: () => clock.now(),
    listener: recoveryListener(context),
    concerns: operation.concerns ?? ((failure) => failure.code !== "port-in-use"),
    async run() {
      try {
        return await operation.run(repaired);
      } catch (error) {
        if (!(error instanceof FailureError)) throw error;
        const explained = await explainFailure(context, error.failure, recovery.ended);
        recovery.ended.throwIfAborted();
        throw new FailureError(explained, error);
      }
    },
    async choose(failure) {
      const budget: Budget = { retries: 1, spent: recovery.spent };
      const isKnown = stackPlaybook[failure.code] !== undefined;
      const situation = isKnown && !signal.aborted ? await lookAround(context, operation, failure) : {};
      recovery.ended.throwIfAborted();
      // Another resource failed meanwhile: nobody waits for a repair of this one.
      if (signal.aborted) return { type: "give-up", because: "the start was ended" };
      return chooseRepair(stackPlaybook, failure, situation, budget);
    },
    async apply(repair, failure) {
      recovery.spent.add(repairKey(repair.name, failure.subject));
      try {
        await (operation.apply?.(repair) ?? applyRepair(context, repair, signal));
      } catch (error) {
        recovery.ended.throwIfAborted();
        throw repairFailed(context, failure, error);
      }
      repaired = repair;
    },
  });
}

function repairFailed(context: StackContext, { subject }: Failure, error: unknown): FailureError {
  if (error instanceof FailureError) return error;
  const message = `"${subject}": the repair could not be made: ${context.mask(messageOf(error))}`;
  return new FailureError({ code: "internal", subject, message, evidence: "" }, error);
}

/** What concerns this failure; a look that fails leaves it unknown, and what is unknown is not repaired. */
async function lookAround(
  context: StackContext,
  { recovery, look }: Pick<StackOperation<unknown>, "recovery" | "look">,
  failure: Failure,
): Promise<StackSituation> {
  using limit = deadlineSignal(recovery.ended, lookTimeoutMs, () => new Error("looking took too long"));
  const { signal } = limit;
  try {
    const own = (await look?.(failure, signal)) ?? {};
    if (failure.code === "name-in-use") {
      const name = failure.details?.name;
      return name === undefined ? own : { ...own, namesake: await lookAtNamesake(context, name, signal) };
    }
    if (failure.code === "network-pool-exhausted") {
      return { ...own, idleNetworks: await lookForIdleNetworks(context, signal) };
    }
    return own;
  } catch {
    return {};
  }
}
