import type { RecoveryListener } from "../../recovery/recover-once.ts";
import type { Repair } from "../../recovery/repair.ts";
import type { StackContext } from "../context.ts";
import type { StackRepair } from "./repairs.ts";

/** Tells each step of a recovery as an event, before the next one is made, and counts it. */
export function recoveryListener(context: StackContext): RecoveryListener<StackRepair> {
  const { bus, counters } = context;
  return {
    detected: (failure) => bus.emit({ type: "failure_detected", name: failure.subject, failure }),
    repairing: (repair, { subject }) =>
      bus.emit({ type: "repair_started", name: subject, repair: told(repair) }),
    repaired: (repair, { subject }) =>
      bus.emit({ type: "repair_applied", name: subject, repair: told(repair) }),
    ended(report) {
      counters.add(report);
      context.reports.push(report);
      const name = report.detected.subject;
      bus.emit({ type: report.outcome === "recovered" ? "recovered" : "recovery_ended", name, report });
    },
  };
}

/** Without what it is made with. */
function told({ name, what, safe }: StackRepair): Repair {
  return { name, what, safe };
}
