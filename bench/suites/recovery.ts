import type { SuiteResult } from "../report/row.ts";
import { recoveredPortConflict } from "./recovery-ports.ts";
import { failureToReport } from "./recovery-report.ts";
import type { Suite } from "./suite.ts";

/** What a failure costs: until it is reported, and until a taken port is got around. */
export const recovery: Suite = async (context): Promise<SuiteResult> => {
  const report = await failureToReport(context);
  const ports = await recoveredPortConflict(context);
  return { rows: [...report.rows, ...ports.rows], notes: [...report.notes, ...ports.notes] };
};
