import type { Failure, FailureCode } from "./failure.ts";

/** The repairs there are. Closed: playbooks and documentation have to know each one. */
export type RepairName =
  | "use-port-bundle"
  | "use-free-port"
  | "replace-own-container"
  | "remove-own-networks"
  | "use-local-image"
  | "pull-again";

/** One safe action, chosen for one failure. */
export interface Repair {
  readonly name: RepairName;
  /** What is done, with names: "bundle "alternate": backend 8085, grafana 3004 (both probed free)". */
  readonly what: string;
  /** Why it is safe: the preconditions that were checked. */
  readonly safe: string;
}

export type Decision<R extends Repair = Repair> =
  | { readonly type: "repair"; readonly repair: R }
  /** `because` is shown to people: no full stop. */
  | { readonly type: "give-up"; readonly because: string };

/** One row per failure that may be repaired: what is looked at is in `situation`, so that deciding stays pure. */
export type Playbook<S, R extends Repair = Repair> = Partial<
  Readonly<Record<FailureCode, (failure: Failure, situation: S) => Decision<R>>>
>;

/** What may still be done for an operation. */
export interface Budget {
  readonly retries: number;
  /** Repairs already made, as `repairKey`. Never the same one twice for a subject. */
  readonly spent: ReadonlySet<string>;
}

export function repairKey(name: RepairName, subject: string): string {
  return `${name} ${subject}`;
}

/** Chooses at most one repair. */
export function chooseRepair<S, R extends Repair>(
  playbook: Playbook<S, R>,
  failure: Failure,
  situation: S,
  budget: Budget,
): Decision<R> {
  const row = playbook[failure.code];
  if (row === undefined) return { type: "give-up", because: "there is no safe repair for it" };
  if (budget.retries <= 0) return { type: "give-up", because: "its one retry was made" };
  const decision = row(failure, situation);
  if (decision.type === "give-up") return decision;
  if (budget.spent.has(repairKey(decision.repair.name, failure.subject))) {
    return { type: "give-up", because: `${decision.repair.name} was done once already` };
  }
  return decision;
}
