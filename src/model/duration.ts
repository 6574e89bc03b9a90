import { type Parsed, parsed, unparsed } from "./parsed.ts";

const millisecondsPerUnit: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const expectedDuration = "a duration such as 5s, 200ms, 1.5h or 1m30s";

/** Longest duration taken: what a 32-bit timer can wait, about 24 days. */
export const maxDurationMs = 2_147_483_647;

// A term's number is digits with at most one point; the regular expression has no nested repetition, so it is linear.
const term = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/y;

/**
 * Duration in milliseconds. Go's and Compose's forms, also compound: `90s`, `1m30s`, `.5s`, `5.s`. A number without
 * unit, a negative number and a duration above {@link maxDurationMs} are refused. "0" is taken, as Go does.
 */
export function parseDuration(text: string): Parsed<number> {
  const trimmed = text.trim();
  if (trimmed === "0") return parsed(0);
  if (trimmed === "") return unparsed(expectedDuration);
  let total = 0;
  term.lastIndex = 0;
  while (term.lastIndex < trimmed.length) {
    const match = term.exec(trimmed);
    if (match === null) return unparsed(expectedDuration);
    total += Number(match[1]) * (millisecondsPerUnit[match[2] ?? ""] ?? Number.NaN);
  }
  if (!(total <= maxDurationMs)) return unparsed("a duration of at most 24 days");
  if (total > 0 && total < 1e-6) return unparsed("a duration of at least 1ns");
  return parsed(total);
}

/** Duration as Go prints it, short: `1m30s`, `200ms`, `0s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  let rest = milliseconds;
  let text = "";
  for (const unit of ["h", "m", "s"]) {
    const size = millisecondsPerUnit[unit] ?? 1;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return rest > 0 ? `${text}${rest}ms` : text;
}
