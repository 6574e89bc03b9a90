import { pad, textWidth, truncate } from "./text.ts";

/** One column: its heading, and its turn when the terminal is too narrow: left out, shortened, or kept whole. */
export interface Column {
  readonly title: string;
  readonly shrinks: "away" | "first" | "second" | "last" | "never";
}

const gap = 2;

/**
 * Rows as lines, columns aligned. Where `width` is given the columns that may be shortened give up room in
 * turns; empty columns are left out. Cells must be plain text; `decorate` colours one after its padding.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: {
    readonly width: number | undefined;
    readonly decorate: (text: string, column: number) => string;
  },
): readonly string[] {
  const widths = columns.map((column, at) => {
    const cells = rows.map((row) => textWidth(row[at] ?? ""));
    const widest = Math.max(0, ...cells);
    return widest === 0 ? 0 : Math.max(textWidth(column.title), widest);
  });
  if (options.width !== undefined) shrink(widths, columns, options.width);
  const line = (cells: readonly string[], decorate: (text: string, at: number) => string): string =>
    cells
      .flatMap((cell, at) => fitted(cell, widths[at] ?? 0).map((text) => decorate(text, at)))
      .join(" ".repeat(gap))
      .trimEnd();
  const titles = columns.map((column) => column.title);
  return [line(titles, (text) => text), ...rows.map((row) => line(row, options.decorate))];
}

/** The cell at exactly its column's width; nothing where the column is left out. */
function fitted(cell: string, width: number): readonly string[] {
  return width === 0 ? [] : [pad(truncate(cell, width), width)];
}

/** A shortened column keeps this much, which is enough to tell most names apart. */
const leastColumns = 8;

function shrink(widths: number[], columns: readonly Column[], room: number): void {
  let excess = widths.reduce((sum, width) => sum + (width === 0 ? 0 : width + gap), -gap) - room;
  for (const [at, column] of columns.entries()) {
    if (column.shrinks !== "away" || excess <= 0 || widths[at] === 0) continue;
    excess -= (widths[at] ?? 0) + gap;
    widths[at] = 0;
  }
  for (const turn of ["first", "second", "last"]) {
    for (const [at, column] of columns.entries()) {
      if (column.shrinks !== turn) continue;
      const width = widths[at] ?? 0;
      const given = Math.min(Math.max(0, excess), Math.max(0, width - leastColumns));
      widths[at] = width - given;
      excess -= given;
    }
  }
}
