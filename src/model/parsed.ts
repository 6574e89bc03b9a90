/**
 * What a grammar's parser returns. `expected` says in words what the text should have been, so that it fits behind
 * "expected ...".
 */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly expected: string };

/** A successful parse. */
export function parsed<Value>(value: Value): Parsed<Value> {
  return { ok: true, value };
}

/** A failed parse: `expected` completes the sentence "expected ...". */
export function unparsed(expected: string): { readonly ok: false; readonly expected: string } {
  return { ok: false, expected };
}
