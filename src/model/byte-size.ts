import { type Parsed, parsed, unparsed } from "./parsed.ts";

const exponents: Readonly<Record<string, number>> = { "": 0, b: 0, k: 1, m: 2, g: 3, t: 4 };
const expectedSize = "a size such as 64m, 1gb or a number of bytes";

/** Size in bytes: a number with an optional unit b, k, m, g or t (also kb, kib...), each 1024 times the last. */
export function parseByteSize(text: string): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?) ?([bkmgt]?)(?:i?b)?$/i.exec(text.trim());
  const exponent = exponents[(match?.[2] ?? "").toLowerCase()];
  if (match === null || exponent === undefined) return unparsed(expectedSize);
  const bytes = Math.floor(Number(match[1]) * 1024 ** exponent);
  return Number.isSafeInteger(bytes) ? parsed(bytes) : unparsed("a size below 8192t");
}
