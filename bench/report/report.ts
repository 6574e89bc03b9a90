import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../lib/bench-bed.ts";
import type { Conditions } from "./machine.ts";
import type { SuiteResult } from "./row.ts";
import { renderTable } from "./table.ts";

/** Everything one call of the benchmark found. */
export interface Report {
  /** What measures it again. */
  readonly command: string;
  readonly conditions: Conditions;
  readonly results: readonly (SuiteResult & { readonly suite: string })[];
}

export function renderReport({ command, conditions, results }: Report): string {
  const facts = Object.entries(conditions).map(([name, value]) => `- ${name}: ${value}`);
  const parts = results.map(({ suite, rows, notes }) =>
    [`### ${suite}`, renderTable(rows), notes.map((note) => `- ${note}`).join("\n")]
      .filter(Boolean)
      .join("\n\n"),
  );
  return [`Measured with \`${command}\`.`, facts.join("\n"), ...parts].join("\n\n");
}

const begin = "<!-- results: written by bench/run.sh --write -->";
const end = "<!-- end of results -->";

/** Puts the results between the two marks of docs/performance.md. Throws when they are not there. */
export async function writeIntoDocs(report: Report): Promise<void> {
  const file = join(root, "docs", "performance.md");
  const text = await readFile(file, "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`Cannot write into ${file}: the marks are not there`);
  await writeFile(
    file,
    `${text.slice(0, from + begin.length)}\n\n${renderReport(report)}\n\n${text.slice(to)}`,
  );
}
