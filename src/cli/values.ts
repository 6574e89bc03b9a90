const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads "500ms", "10s", "1m30s", "2h", "1d" or a bare number of seconds; undefined when it is none of these. */
export function parseDurationMs(written: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(written)) return Math.round(Number(written) * 1_000);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(written)) return undefined;
  let total = 0;
  for (const [, amount = "", unit = ""] of written.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (unitMs[unit] ?? 0);
  }
  return Math.round(total);
}

/** Reads a whole number from 0; undefined when it is none. */
export function parseCount(written: string): number | undefined {
  return /^\d{1,9}$/.test(written) ? Number(written) : undefined;
}

/** Reads a moment: a time ago ("10m") or a date; as ISO 8601. Undefined when it is neither. */
export function parseMoment(written: string, nowMs: number): string | undefined {
  const agoMs = parseDurationMs(written);
  if (agoMs !== undefined) return new Date(nowMs - agoMs).toISOString();
  const atMs = Date.parse(written);
  return Number.isNaN(atMs) ? undefined : new Date(atMs).toISOString();
}
