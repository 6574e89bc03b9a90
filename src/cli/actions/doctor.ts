import type { DoctorReport } from "../../app/types.ts";
import type { Context } from "../context.ts";
import { doctorLines } from "../render/doctor.ts";
import { diagnoseNamedStack } from "../stack-source.ts";

/** An engine that cannot be reached has the code of every other command; anything else means that work would fail. */
const exitCodes: Readonly<Record<DoctorReport["verdict"], number>> = { ready: 0, trouble: 1, "no-engine": 3 };

export async function doctor(context: Context): Promise<number> {
  const { output } = context;
  const report = await diagnoseNamedStack(context);
  if (output.json) {
    await output.document(report);
  } else {
    const columns = output.stdoutIsTerminal ? output.columns() : undefined;
    await output.data(`${doctorLines(report, { paint: output.paint, columns }).join("\n")}\n`);
  }
  return exitCodes[report.verdict];
}
