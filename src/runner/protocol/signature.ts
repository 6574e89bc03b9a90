import { createHash, createHmac, randomUUID } from "node:crypto";

/** Names of the headers a signed request carries. */
export const signatureHeaders = {
  /** Milliseconds since the epoch. */
  timestamp: "x-dr-timestamp",
  /** Never used twice. */
  nonce: "x-dr-nonce",
  /** HMAC-SHA256, base64. */
  signature: "x-dr-signature",
  /** Id of the key that signed; left out: "default". */
  key: "x-dr-key",
} as const;

/**
 * Hash of the body, as it is signed. Needed for what is spooled only: with it the signature can be checked before a byte
 * of the body is taken.
 */
export const bodyHashHeader = "x-dr-body-sha256";

/** Id of the key that `DOCKER_RUNNER_SHARED_SECRET` is. */
export const defaultKeyId = "default";

/** What a client signs with. */
export interface SigningKey {
  readonly id: string;
  readonly secret: string;
}

/** What is signed of a request. */
export interface SignedParts {
  readonly method: string;
  /** Path with query, exactly as it is sent. */
  readonly path: string;
  readonly timestamp: string;
  readonly nonce: string;
  /** See `bodyHash`. */
  readonly bodyHash: string;
}

/** SHA-256 of the raw body, base64. */
export function bodyHash(body: string | Uint8Array): string {
  return createHash("sha256").update(body).digest("base64");
}

/** Hash of a body that is not there. */
export const emptyBodyHash = bodyHash("");

/** The signature of these parts, as bytes. */
export function signatureOf(parts: SignedParts, secret: string): Buffer {
  const { method, path, timestamp, nonce } = parts;
  const text = [method.toUpperCase(), path, timestamp, nonce, parts.bodyHash].join("\n");
  return createHmac("sha256", secret).update(text).digest();
}

/** Headers of one attempt at a request: a new nonce at each call. */
export function signedHeaders(
  request: { readonly method: string; readonly path: string; readonly bodyHash: string },
  options: { readonly key: SigningKey; readonly nowMs: number },
): Readonly<Record<string, string>> {
  const { key, nowMs } = options;
  const parts: SignedParts = { ...request, timestamp: String(Math.round(nowMs)), nonce: randomUUID() };
  return {
    [signatureHeaders.timestamp]: parts.timestamp,
    [signatureHeaders.nonce]: parts.nonce,
    [signatureHeaders.key]: key.id,
    [signatureHeaders.signature]: signatureOf(parts, key.secret).toString("base64"),
  };
}
