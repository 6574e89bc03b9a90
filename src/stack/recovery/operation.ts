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

/** What the operations of one `up` share. */
export interface Recovery {
  /** Repairs made so far, as `repairKey`. */
  readonly spent: Set<string>;
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
  readonly look?: ((failure: Failure) => Promise<StackSituation>) | undefined;
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
        throw new FailureError(await explainFailure(context, error.failure), error);
      }
    },
    async choose(failure) {
      // Nobody waits for a repair any more.
      if (signal.aborted) return { type: "give-up", because: "the start was ended" };
      const budget: Budget = { retries: 1, spent: recovery.spent };
      if (stackPlaybook[failure.code] === undefined) return chooseRepair(stackPlaybook, failure, {}, budget);
      const situation = { ...(await lookAround(context, failure)), ...(await operation.look?.(failure)) };
      return chooseRepair(stackPlaybook, failure, situation, budget);
    },
    async apply(repair, failure) {
      recovery.spent.add(repairKey(repair.name, failure.subject));
      await (operation.apply?.(repair) ?? applyRepair(context, repair, { failure, signal }));
      repaired = repair;
    },
  });
}

/** What concerns this failure; a look that fails leaves it unknown, and what is unknown is not repaired. */
async function lookAround(context: StackContext, failure: Failure): Promise<StackSituation> {
  try {
    if (failure.code === "name-in-use") {
      const name = failure.details?.name;
      return name === undefined ? {} : { namesake: await lookAtNamesake(context, name) };
    }
    if (failure.code === "network-pool-exhausted") {
      return { idleNetworks: await lookForIdleNetworks(context) };
    }
    return {};
  } catch {
    return {};
  }
}
