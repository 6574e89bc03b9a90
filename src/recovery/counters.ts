import type { FailureCode } from "./failure.ts";
import type { RepairName } from "./repair.ts";
import type { RecoveryReport } from "./report.ts";

/** How often what happened, since counting began. */
export interface RecoveryCounts {
  readonly failures: Readonly<Partial<Record<FailureCode, number>>>;
  readonly repairs: readonly {
    readonly repair: RepairName;
    readonly outcome: "recovered" | "gave-up";
    readonly count: number;
  }[];
}

/** Counts failures by code, and repairs by name and outcome: `failures_total` and `repairs_total` of the metrics. */
export class RecoveryCounters {
  readonly #failures = new Map<FailureCode, number>();
  readonly #repairs = new Map<string, RecoveryCounts["repairs"][number]>();

  add(report: RecoveryReport): void {
    const { code } = report.detected;
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
    if (report.repair === undefined) return;
    const { name } = report.repair;
    const key = `${name} ${report.outcome}`;
    const count = (this.#repairs.get(key)?.count ?? 0) + 1;
    this.#repairs.set(key, { repair: name, outcome: report.outcome, count });
  }

  get counts(): RecoveryCounts {
    return { failures: Object.fromEntries(this.#failures), repairs: [...this.#repairs.values()] };
  }
}
