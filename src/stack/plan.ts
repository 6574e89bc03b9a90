/** What a step does: one engine action. */
export type StepAction =
  | "create-network"
  | "create-volume"
  | "pull"
  | "build"
  | "keep"
  | "converge"
  | "create"
  | "start"
  | "recreate"
  | "replace"
  | "remove"
  | "stop"
  | "remove-network"
  | "remove-volume";

/** One engine action of a plan, with its reason and what it waits for. */
export interface PlanStep {
  /** Position, from 1. */
  readonly id: number;
  readonly action: StepAction;
  /** For example "resource db", "network lash-shop", "image redis:7-alpine". */
  readonly target: string;
  /** Resource the step belongs to; undefined for the network and volumes. */
  readonly resource: string | undefined;
  readonly because: string;
  /** Ids of the steps that must be done before; always smaller than `id`. */
  readonly needs: readonly number[];
  /** Conditions on dependencies, for example "db ready". */
  readonly waits: readonly string[];
}

/** What `up` or `down` would do, in an order that respects `needs`. */
export interface Plan {
  readonly project: string;
  readonly steps: readonly PlanStep[];
}

/** One line a step; what `--plan` prints and what tests compare. */
export function renderPlan(plan: Plan): string {
  return plan.steps
    .map((step) => {
      const waits = step.waits.length === 0 ? "" : ` after ${step.waits.join(", ")}`;
      return `[${step.needs.join(",")}] #${step.id} ${step.action} ${step.target}${waits} (${step.because})`;
    })
    .join("\n");
}
