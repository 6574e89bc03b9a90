import { encodeUrlComponent } from "../model/url.ts";

/** Shorter values would blank out ordinary words: "1", "dev", "on". */
const shortestSecret = 4;

/** Replaces every occurrence of a secret in a text. */
export type Mask = (text: string) => string;

/**
 * Masks these values, also line by line and as they stand in URLs and JSON, the longest first, so that one secret inside
 * another leaves nothing of the outer.
 */
export function createMask(secrets: Iterable<string>): Mask {
  const values = [...new Set(secrets)]
    .flatMap((secret) => [secret, ...secret.split(/\r?\n/)])
    .flatMap((secret) => [secret, encodeUrlComponent(secret), JSON.stringify(secret).slice(1, -1)])
    .filter((value) => value.length >= shortestSecret)
    .sort((a, b) => b.length - a.length);
  if (values.length === 0) return (text) => text;
  return (text) => {
    let masked = text;
    for (const value of values) masked = masked.replaceAll(value, "***");
    return masked;
  };
}
