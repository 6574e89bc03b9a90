import fc from "fast-check";
import { expect, test } from "vitest";
import { LashError } from "../model/errors.ts";
import { explainFailure, type Reason } from "./reason.ts";

function node(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

function unreachable(code: string): LashError {
  return new LashError("engine-unreachable", `Cannot probe: ${code}`, { data: { code }, cause: node(code) });
}

function answered(status: number, code?: string): LashError {
  return new LashError("engine-refused", `Cannot probe: status ${status}`, { data: { status, code } });
}

const table: readonly (readonly [
  name: string,
  thrown: unknown,
  reason: Reason,
  code: string,
  status?: number,
])[] = [
  ["a refused connection", node("ECONNREFUSED"), "refused", "ECONNREFUSED"],
  ["a refused connection, ours", unreachable("ECONNREFUSED"), "refused", "ECONNREFUSED"],
  ["a socket that is not there", unreachable("ENOENT"), "refused", "ENOENT"],
  [
    "no permission for the socket",
    new LashError("engine-permission", "x", { data: { code: "EACCES" } }),
    "auth-failed",
    "EACCES",
  ],
  ["no permission, plain", node("EACCES"), "auth-failed", "EACCES"],
  ["an unknown name", node("ENOTFOUND"), "dns", "ENOTFOUND"],
  ["a name server that is away", node("EAI_AGAIN"), "dns", "EAI_AGAIN"],
  ["a connection that is not answered", node("ETIMEDOUT"), "timeout", "ETIMEDOUT"],
  ["our deadline", new LashError("timed-out", "Cannot probe: no answer"), "timeout", "timed-out"],
  ["a TimeoutError", new DOMException("x", "TimeoutError"), "timeout", "TimeoutError"],
  ["a cut connection", node("ECONNRESET"), "reset", "ECONNRESET"],
  ["a broken pipe", unreachable("EPIPE"), "reset", "EPIPE"],
  ["an expired certificate", node("CERT_HAS_EXPIRED"), "tls", "CERT_HAS_EXPIRED"],
  ["a self-signed certificate", node("DEPTH_ZERO_SELF_SIGNED_CERT"), "tls", "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ["an unknown issuer", node("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "tls", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ["another host's certificate", node("ERR_TLS_CERT_ALTNAME_INVALID"), "tls", "ERR_TLS_CERT_ALTNAME_INVALID"],
  [
    "no TLS where it was expected",
    node("ERR_SSL_WRONG_VERSION_NUMBER"),
    "tls",
    "ERR_SSL_WRONG_VERSION_NUMBER",
  ],
  ["what is not HTTP", node("HPE_INVALID_CONSTANT"), "protocol", "HPE_INVALID_CONSTANT"],
  [
    "an API version that does not fit",
    new LashError("engine-api-version", "x", { data: { status: 400 } }),
    "protocol",
    "engine-api-version",
    400,
  ],
  ["a wrong secret", answered(401, "invalid_signature"), "auth-failed", "invalid_signature", 401],
  ["no signature", answered(401, "missing_headers"), "auth-failed", "missing_headers", 401],
  ["a replayed nonce", answered(401, "replayed_nonce"), "auth-failed", "replayed_nonce", 401],
  ["an unreadable time", answered(401, "invalid_timestamp"), "auth-failed", "invalid_timestamp", 401],
  [
    "a clock that is off",
    answered(401, "timestamp_out_of_range"),
    "clock-skew",
    "timestamp_out_of_range",
    401,
  ],
  ["401 of a proxy", answered(401), "auth-failed", "engine-refused", 401],
  [
    "an engine down, told by the runner",
    answered(503, "docker_unavailable"),
    "engine-down",
    "docker_unavailable",
    503,
  ],
  [
    "an engine down, passed on by the runner",
    new LashError("engine-unreachable", "x", { data: { status: 503, code: "ECONNREFUSED" } }),
    "engine-down",
    "ECONNREFUSED",
    503,
  ],
  ["a runner that stops", answered(503, "shutting_down"), "refused", "shutting_down", 503],
  [
    "a proxy whose runner is away, as its driver has found out",
    new LashError("engine-unreachable", "x", {
      data: { reason: "refused", code: "runner_gateway_error" },
      cause: new SyntaxError("Unexpected token"),
    }),
    "refused",
    "runner_gateway_error",
  ],
  ["a proxy's 502", answered(502), "bad-response", "engine-refused", 502],
  ["an engine's 500", answered(500), "bad-response", "engine-refused", 500],
  [
    "an answer that is no JSON",
    new LashError("engine-unreachable", "x", { cause: new SyntaxError("Unexpected token") }),
    "bad-response",
    "engine-unreachable",
  ],
  [
    "an engine that is away, no code",
    new LashError("engine-unreachable", "x"),
    "refused",
    "engine-unreachable",
  ],
  ["a fetch that failed", new TypeError("fetch failed", { cause: node("ENOTFOUND") }), "dns", "ENOTFOUND"],
  [
    "a name with several addresses",
    new AggregateError([node("ECONNREFUSED"), node("ENETUNREACH")], ""),
    "refused",
    "ECONNREFUSED",
  ],
  ["a text", "no", "bad-response", "unknown"],
  ["nothing", undefined, "bad-response", "unknown"],
];

test.each(table)("explainFailure() knows %s", (_, thrown, reason, code, status) => {
  const failure = explainFailure(thrown);
  expect([failure.reason, failure.error.code, failure.error.statusCode]).toEqual([reason, code, status]);
});

test("explainFailure() gives the code for an error without message, as Node's of several addresses", () => {
  const thrown = new AggregateError([node("ECONNREFUSED"), node("ECONNREFUSED")], "");
  expect(explainFailure(thrown).error.message).toBe("ECONNREFUSED");
});

test("explainFailure() hides credentials, and gives one bounded line", () => {
  const text = `GET https://user:p@ss@runner:7071/v1\n\u001b[31mand unix://x:y@/s ${"x".repeat(10_000)}`;
  const { message } = explainFailure(new Error(text)).error;
  expect(message).toMatch(/^GET https:\/\/\*\*\*@runner:7071\/v1 \[31mand unix:\/\/\*\*\*@\/s x+\.\.\.$/);
  expect(message.length).toBeLessThanOrEqual(503);
});

test("explainFailure() explains everything, causes in a circle included, without throwing", () => {
  const circle = new Error("a");
  circle.cause = new Error("b", { cause: circle });
  expect(explainFailure(circle).reason).toBe("bad-response");
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (thrown) => {
      const { reason, error } = explainFailure(thrown);
      expect(reason).toBe("bad-response");
      expect(error.code).toMatch(/./);
      expect(error.message).toMatch(/./);
    }),
  );
  const trap = new Proxy(new Error("x"), {
    get() {
      throw new Error("trap");
    },
  });
  expect(explainFailure(trap).error.code).toBe("unknown");
});
