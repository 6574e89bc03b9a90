import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { NonceStore } from "./nonces.ts";
import { defaultKeyId, signatureHeaders, signatureOf } from "./signature.ts";

/** How far a sender's clock may be off, either way. */
export const clockWindowMs = 60_000;

/** Why a request is not taken. All but the last are answered with 401. */
export type AuthRefusal =
  | "missing_headers"
  | "invalid_timestamp"
  | "timestamp_out_of_range"
  | "replayed_nonce"
  | "invalid_signature"
  | "too_many_nonces";

/** A key the service knows. */
export interface KnownKey {
  readonly id: string;
  readonly secret: string;
  /** Whose containers it may touch. */
  readonly owner: string;
}

/** What the headers of a request say of its signature, before its body is read. */
export interface Claim {
  readonly timestamp: string;
  readonly nonce: string;
  readonly signature: string;
  readonly keyId: string;
}

export type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly refusal: AuthRefusal };

const signatureBytes = 32;
/** Room for a UUID and for what others take instead; bounded, because nonces are kept. */
const noncePattern = /^[\w.~+/=-]{8,128}$/;
/** Signed with when the key is unknown, so that an unknown id takes as long as a wrong secret. */
const nobodysSecret = "nobody";

/** Checks signatures. One per service: it remembers the nonces. */
export class Verifier {
  readonly #keys: () => ReadonlyMap<string, KnownKey>;
  readonly #nonces: NonceStore;
  readonly #now: () => number;
  readonly #startedAtMs: number;

  /**
   * `keys` is asked at each request, so that they can change. What was signed before the service began is refused: its
   * nonce may be one that the process before this one had seen.
   */
  constructor(options: {
    readonly keys: () => ReadonlyMap<string, KnownKey>;
    readonly nonces: NonceStore;
    readonly nowMs: () => number;
  }) {
    this.#keys = options.keys;
    this.#nonces = options.nonces;
    this.#now = options.nowMs;
    this.#startedAtMs = options.nowMs();
  }

  /** Whether the request claims to be signed at all. */
  isSigned(headers: IncomingHttpHeaders): boolean {
    return Object.values(signatureHeaders).some((name) => headers[name] !== undefined);
  }

  /** What can be checked without the body: most of what is refused is refused here, before a body is read. */
  readClaim(headers: IncomingHttpHeaders): Checked<Claim> {
    const claim = {
      timestamp: textOf(headers, signatureHeaders.timestamp),
      nonce: textOf(headers, signatureHeaders.nonce),
      signature: textOf(headers, signatureHeaders.signature),
      keyId: textOf(headers, signatureHeaders.key) || defaultKeyId,
    };
    if (claim.timestamp === "" || claim.nonce === "" || claim.signature === "")
      return refused("missing_headers");
    const refusal = this.#refuseTime(claim.timestamp);
    if (refusal !== undefined) return refused(refusal);
    if (!noncePattern.test(claim.nonce)) return refused("invalid_signature");
    if (this.#nonces.has(nonceOf(claim))) return refused("replayed_nonce");
    return { ok: true, value: claim };
  }

  /** The key that signed this, once the body's hash is known. Remembers the nonce if it is good. */
  check(
    claim: Claim,
    request: { readonly method: string; readonly path: string; readonly bodyHash: string },
  ): Checked<KnownKey> {
    // A body may have taken its time to arrive.
    const late = this.#refuseTime(claim.timestamp);
    if (late !== undefined) return refused(late);
    const key = this.#keys().get(claim.keyId);
    const wanted = signatureOf({ ...request, ...claim }, key?.secret ?? nobodysSecret);
    const given = Buffer.from(claim.signature, "base64");
    // The length first: the comparison throws on unequal ones.
    const isGood = given.length === signatureBytes && timingSafeEqual(given, wanted);
    if (!isGood || key === undefined) return refused("invalid_signature");
    const added = this.#nonces.add(nonceOf(claim));
    if (added === "known") return refused("replayed_nonce");
    if (added === "full") return refused("too_many_nonces");
    return { ok: true, value: key };
  }

  #refuseTime(timestamp: string): AuthRefusal | undefined {
    if (!/^\d{1,15}$/.test(timestamp)) return "invalid_timestamp";
    const at = Number(timestamp);
    if (Math.abs(this.#now() - at) > clockWindowMs || at < this.#startedAtMs) return "timestamp_out_of_range";
    return undefined;
  }
}

/** Nonces of several keys do not meet. A key id has no line end, see the policy. */
function nonceOf({ keyId, nonce }: Claim): string {
  return `${keyId}\n${nonce}`;
}

function textOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  // Node joins repeated headers with a comma, which none of ours may hold; the signature then fails.
  return typeof value === "string" ? value : "";
}

function refused(refusal: AuthRefusal): { readonly ok: false; readonly refusal: AuthRefusal } {
  return { ok: false, refusal };
}
