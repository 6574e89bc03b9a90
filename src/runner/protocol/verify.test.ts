import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { NonceStore } from "./nonces.ts";
import { bodyHash, signatureHeaders, signatureOf, signedHeaders } from "./signature.ts";
import { type AuthRefusal, clockWindowMs, type KnownKey, Verifier } from "./verify.ts";

const start = 1_700_000_000_000;
const key = { id: "default", secret: "s3cret", owner: "platform" };
const request = { method: "POST", path: "/v1/containers?label=a%3Db", bodyHash: bodyHash('{"b":1,"a":2}') };

function bench(options: { readonly keys?: readonly KnownKey[]; readonly capacity?: number } = {}) {
  let now = start;
  let uptime = 0;
  const keys = new Map((options.keys ?? [key]).map((each) => [each.id, each]));
  const nonces = new NonceStore({
    windowMs: clockWindowMs,
    capacity: options.capacity,
    uptimeMs: () => uptime,
  });
  const verifier = new Verifier({ keys: () => keys, nonces, nowMs: () => now });
  return {
    keys,
    nonces,
    verifier,
    pass: (ms: number) => {
      now += ms;
      uptime += ms;
    },
    setClock: (ms: number) => {
      now = ms;
    },
    /** What the verifier says to these headers. */
    ask: (headers: Readonly<Record<string, string>>, asked = request): AuthRefusal | "good" => {
      const claim = verifier.readClaim(headers);
      if (!claim.ok) return claim.refusal;
      const checked = verifier.check(claim.value, asked);
      return checked.ok ? "good" : checked.refusal;
    },
  };
}

function headersAt(nowMs: number, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { ...signedHeaders(request, { key, nowMs }), ...more };
}

test("a signed request is taken, and the same once more is not", () => {
  const { ask } = bench();
  const headers = headersAt(start);
  expect(ask(headers)).toBe("good");
  expect(ask(headers)).toBe("replayed_nonce");
  expect(ask(headersAt(start))).toBe("good");
});

test("the signature is HMAC-SHA256 over five lines", () => {
  const parts = { method: "get", path: "/v1/info", timestamp: "1", nonce: "n", bodyHash: bodyHash("") };
  // printf 'GET\n/v1/info\n1\nn\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' | openssl dgst -sha256 -hmac k -hex
  expect(parts.bodyHash).toBe("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  expect(signatureOf(parts, "k").toString("hex")).toBe(
    "eb5e0f1edc94264b981f41f70a7f3950d98d7c3f835bb09ae1a0ab9a91f2a77d",
  );
});

test("each missing header is missed, and a repeated or odd one is no good", () => {
  const { ask } = bench();
  for (const name of [signatureHeaders.timestamp, signatureHeaders.nonce, signatureHeaders.signature]) {
    const headers = headersAt(start);
    delete headers[name];
    expect(ask(headers)).toBe("missing_headers");
  }
  const twice = headersAt(start);
  const timestamp = twice[signatureHeaders.timestamp] ?? "";
  expect(ask({ ...twice, [signatureHeaders.timestamp]: `${timestamp}, ${timestamp}` })).toBe(
    "invalid_timestamp",
  );
  expect(ask(headersAt(start, { [signatureHeaders.nonce]: "short" }))).toBe("invalid_signature");
  expect(ask(headersAt(start, { [signatureHeaders.nonce]: `${randomUUID()}, x` }))).toBe("invalid_signature");
});

test("a timestamp that is no number is refused as such", () => {
  const { ask } = bench();
  for (const text of ["now", "-1", "1e3", " 1", "1.5", "9".repeat(16), "0x10"])
    expect(ask(headersAt(start, { [signatureHeaders.timestamp]: text }))).toBe("invalid_timestamp");
});

test("the window is 60 s either way, edges included", () => {
  const { ask, pass } = bench();
  pass(10 * clockWindowMs);
  const now = start + 10 * clockWindowMs;
  expect(ask(headersAt(now - clockWindowMs))).toBe("good");
  expect(ask(headersAt(now - clockWindowMs - 1))).toBe("timestamp_out_of_range");
  expect(ask(headersAt(now + clockWindowMs))).toBe("good");
  expect(ask(headersAt(now + clockWindowMs + 1))).toBe("timestamp_out_of_range");
});

test("what was signed before the service began is refused: its nonce may have been used", () => {
  const { ask } = bench();
  expect(ask(headersAt(start - 1))).toBe("timestamp_out_of_range");
  expect(ask(headersAt(start))).toBe("good");
});

test("a nonce is known for as long as its timestamp would be taken, whatever the sender's clock", () => {
  const { ask, pass } = bench();
  const ahead = headersAt(start + clockWindowMs);
  expect(ask(ahead)).toBe("good");
  for (let passed = 0; passed < 2 * clockWindowMs; passed += 10_000) {
    expect(ask(ahead)).toBe("replayed_nonce");
    pass(10_000);
  }
  expect(ask(ahead)).toBe("replayed_nonce");
  pass(1);
  expect(ask(ahead)).toBe("timestamp_out_of_range");
});

test("setting the clock back makes no nonce forgotten", () => {
  const { ask, pass, setClock } = bench();
  const headers = headersAt(start + 1000);
  expect(ask(headers)).toBe("good");
  pass(30_000);
  setClock(start);
  expect(ask(headers)).toBe("replayed_nonce");
});

test("every signed part is covered: method, path, query, body, nonce, timestamp", () => {
  const { ask } = bench();
  const good = (): Record<string, string> => headersAt(start);
  expect(ask(good(), { ...request, method: "GET" })).toBe("invalid_signature");
  expect(ask(good(), { ...request, path: "/v1/containers" })).toBe("invalid_signature");
  expect(ask(good(), { ...request, path: `${request.path}&label=c` })).toBe("invalid_signature");
  expect(ask(good(), { ...request, path: "/v1/containers?label=a=b" })).toBe("invalid_signature");
  expect(ask(good(), { ...request, bodyHash: bodyHash("") })).toBe("invalid_signature");
  expect(ask({ ...good(), [signatureHeaders.nonce]: randomUUID() })).toBe("invalid_signature");
  expect(ask({ ...good(), [signatureHeaders.timestamp]: String(start + 1) })).toBe("invalid_signature");
});

test("bytes are signed, not their meaning: the same JSON with its keys in another order is another body", () => {
  const { ask } = bench();
  expect(ask(headersAt(start), { ...request, bodyHash: bodyHash('{"a":2,"b":1}') })).toBe(
    "invalid_signature",
  );
});

test("a signature of any other length is refused, and nothing throws", () => {
  const { ask } = bench();
  const right = headersAt(start)[signatureHeaders.signature] ?? "";
  for (const text of ["x", "AAAA", right.slice(0, -4), `${right}AAAA`, right.repeat(20), "!!!!", "%", "="])
    expect(ask(headersAt(start, { [signatureHeaders.signature]: text }))).toBe("invalid_signature");
});

test("a refused request uses no nonce up", () => {
  const { ask } = bench();
  const headers = headersAt(start);
  expect(ask(headers, { ...request, path: "/other" })).toBe("invalid_signature");
  expect(ask(headers)).toBe("good");
});

test("keys are told apart by id, and can be changed while it runs", () => {
  const second = { id: "2026-12", secret: "other", owner: "platform" };
  const { ask, keys } = bench({ keys: [key, second] });
  const signed = (by: { readonly id: string; readonly secret: string }): Record<string, string> => ({
    ...signedHeaders(request, { key: by, nowMs: start }),
  });
  expect(ask(signed(key))).toBe("good");
  expect(ask(signed(second))).toBe("good");
  expect(ask(signed({ id: "2026-12", secret: key.secret }))).toBe("invalid_signature");
  expect(ask(signed({ id: "nobody", secret: key.secret }))).toBe("invalid_signature");
  keys.delete("default");
  expect(ask(signed(key))).toBe("invalid_signature");
  expect(ask(signed(second))).toBe("good");
});

test("without a key id the key is the shared secret", () => {
  const { ask } = bench();
  const headers = headersAt(start);
  delete headers[signatureHeaders.key];
  expect(ask(headers)).toBe("good");
});

test("100 000 nonces: each is known, none is let in twice", () => {
  const { ask, nonces, pass } = bench();
  const seen: Record<string, string>[] = [];
  for (let index = 0; index < 100_000; index += 1) {
    const headers = headersAt(start);
    expect(ask(headers)).toBe("good");
    if (index % 1000 === 0) seen.push(headers);
  }
  expect(nonces.size).toBe(100_000);
  for (const headers of seen) expect(ask(headers)).toBe("replayed_nonce");
  pass(2 * clockWindowMs + 1);
  expect(ask(headersAt(start + 2 * clockWindowMs))).toBe("good");
  expect(nonces.size).toBe(1);
});

test("a full store refuses what is new and forgets nothing", () => {
  const { ask, pass } = bench({ capacity: 2 });
  const first = headersAt(start);
  expect(ask(first)).toBe("good");
  expect(ask(headersAt(start))).toBe("good");
  expect(ask(headersAt(start))).toBe("too_many_nonces");
  expect(ask(first)).toBe("replayed_nonce");
  pass(2 * clockWindowMs + 1);
  expect(ask(headersAt(start + 2 * clockWindowMs))).toBe("good");
});
