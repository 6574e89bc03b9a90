import type { Row } from "./row.ts";

/** Rows of one suite as a Markdown table that is also readable in a terminal. */
export function renderTable(rows: readonly Row[]): string {
  const others = [...new Set(rows.flatMap(({ ratios }) => Object.keys(ratios)))];
  const hasTargets = rows.some(({ target }) => target !== undefined);
  const head = ["what", "measured", "by", "n", "median", "p10 to p90", ...others.map((name) => `/ ${name}`)];
  const lines = rows.map((row) => [
    row.subject,
    row.metric,
    row.contestant,
    String(row.value.n),
    `${digits(row.value.median, row.unit)}${row.unit === "" ? "" : ` ${row.unit}`}`,
    row.value.n === 1 ? "" : `${digits(row.value.p10, row.unit)} to ${digits(row.value.p90, row.unit)}`,
    ...others.map((name) => ratio(row.ratios[name])),
    ...(hasTargets ? [targetText(row)] : []),
  ]);
  return align([hasTargets ? [...head, "target"] : head, ...lines]);
}

function targetText({ target }: Row): string {
  return target === undefined ? "" : `${target.text}: ${target.met ? "met" : "MISSED"}`;
}

function ratio(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(2);
}

function digits(value: number, unit: Row["unit"]): string {
  if (unit === "calls") return value.toFixed(0);
  return unit === "ms" && value >= 100 ? value.toFixed(0) : value.toFixed(unit === "ms" ? 1 : 2);
}

function align([head = [], ...lines]: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const render = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [render(head), rule, ...lines.map(render)].join("\n");
}
