import { parseDuration } from "../../model/duration.ts";
import type { FailureDetails } from "../failure.ts";
import type { Reading } from "../normalise.ts";
import { pulling, pullingOrPasted, type Rule, startingOrPasted } from "./rule.ts";

/** Time-outs, resets and cuts of a connection: the same request may work a moment later. */
const passingCauses =
  /^(?:net\/http: TLS handshake timeout|net\/http: timeout awaiting response headers|(?:net\/http: request canceled(?: while waiting for connection)?|context deadline exceeded) \(Client\.Timeout (?:exceeded|or context cancellation)[^)]{0,60}\)|Client\.Timeout exceeded[\w ]{0,60}|context deadline exceeded|i\/o timeout|connection timed out|connection reset by peer|unexpected EOF|EOF)$/i;

/** What a registry, or what stands before it, answers while it is in trouble. */
const troubledAnswers =
  /^(?:500 Internal Server Error|502 Bad Gateway|503 Service Unavailable|504 Gateway Timeout)$/i;

const lastingCauses =
  /^(?:lookup \S+(?: on \S+)?: .{1,200}|network is unreachable|no route to host|connection refused)$/i;

const trustCauses =
  /^(?:(?:tls: failed to verify certificate: )?x509: |http: server gave HTTP response to HTTPS client$|tls: first record does not look like a TLS handshake$|proxyconnect tcp: |(?:407 )?Proxy Authentication Required$)/i;

/** What any program may meet: it is about a registry only while one is talked to, or where its protocol is named. */
function onTheWay(pattern: RegExp, rest: Pick<Rule, "code" | "read">): readonly Rule[] {
  return [
    { ...rest, pattern, during: ["pull"] },
    { ...rest, pattern, during: ["build"], under: ["registry", "request"] },
    { ...rest, pattern, during: ["create", "start", "unknown"], under: ["registry"] },
  ];
}

export const imageRules: readonly Rule[] = [
  { code: "image-rate-limited", during: pullingOrPasted, pattern: /^toomanyrequests: /i, read: retryAfter },
  {
    code: "image-rate-limited",
    during: ["create", "start"],
    under: ["registry"],
    pattern: /^toomanyrequests: /i,
  },
  {
    code: "image-rate-limited",
    during: pullingOrPasted,
    pattern: /^429 Too Many Requests(?: - Server message: .{0,500})?$/i,
    read: retryAfter,
  },
  {
    code: "image-rate-limited",
    during: pullingOrPasted,
    pattern: /^You have reached your (?:unauthenticated )?pull rate limit/i,
  },
  {
    code: "image-denied",
    pattern: /^pull access denied(?: for (?<image>[^\s,]+))?, repository does not exist or may require /i,
  },
  {
    code: "image-denied",
    pattern: /^(?:denied: )?requested access to the resource is denied(?: unauthorized: .{0,200})?$/i,
  },
  {
    code: "image-denied",
    pattern: /^unauthorized: (?:authentication required|incorrect username or password|access to the)/i,
  },
  { code: "image-denied", during: pulling, pattern: /^(?:unauthorized|denied): /i },
  { code: "image-denied", during: pullingOrPasted, pattern: /^no basic auth credentials$/i },
  {
    code: "image-denied",
    during: pullingOrPasted,
    under: ["registry"],
    pattern: /^(?:401 Unauthorized|403 Forbidden|denied$|unauthorized$|denied: )/i,
  },
  {
    code: "image-wrong-platform",
    pattern: /^no matching manifest for \S+(?: \S+)? in the manifest list entries/i,
  },
  { code: "image-wrong-platform", pattern: /^no match for platform in manifest/i },
  {
    code: "image-wrong-platform",
    pattern: /^no image found in (?:manifest list|image index) for architecture /i,
  },
  {
    code: "image-wrong-platform",
    pattern:
      /^image with reference (?<image>\S+) was found but (?:its platform \([^)]{1,80}\) )?does not match the specified platform/i,
  },
  { code: "image-not-found", pattern: /^manifest for (?<image>\S+) not found(?:: manifest unknown|$)/i },
  { code: "image-not-found", pattern: /^manifest unknown(?:: |$)/i },
  { code: "image-not-found", pattern: /^name unknown(?:: |$)/i },
  { code: "image-not-found", pattern: /^repository name not known to registry$/i },
  { code: "image-not-found", pattern: /^No such image: (?<image>\S+)$/i },
  { code: "image-not-found", pattern: /^(?<image>\S+): image not known$/i },
  { code: "image-not-found", under: ["registry"], pattern: /^(?<image>[\w./:@-]{1,300}): not found$/i },
  ...onTheWay(trustCauses, { code: "registry-tls" }),
  ...onTheWay(passingCauses, { code: "registry-unreachable", read: () => ({ passing: true }) }),
  ...onTheWay(troubledAnswers, { code: "registry-unreachable", read: () => ({ passing: true }) }),
  ...onTheWay(lastingCauses, { code: "registry-unreachable", read: () => ({ passing: false }) }),
];

/** What says that a build failed, and nothing about why the engine would be to blame. */
export const buildRules: readonly Rule[] = [
  { code: "build-failed", pattern: /^process ".{1,3000}" did not complete successfully: exit code: \d+/i },
  { code: "build-failed", pattern: /^The command '.{1,3000}' returned a non-zero code: \d+/i },
  { code: "build-failed", pattern: /^(?:dockerfile parse error|failed to read dockerfile: )/i },
];

/** A warning: after everything that is an error. */
export const platformWarningRules: readonly Rule[] = [
  {
    code: "image-wrong-platform",
    during: startingOrPasted,
    pattern: /^The requested image's platform \([^)]{1,80}\) does not match the detected host platform/i,
  },
];

/** "retry-after: 985.86µs, allowed: 44000/minute": a duration as Go writes it, or seconds. */
function retryAfter(reading: Reading): FailureDetails {
  const written = /\bretry-after: (?<amount>[\d.]+[a-zµμ\d.]{0,30})/i.exec(reading.cause)?.groups?.amount;
  const retryAfterMs = written === undefined ? undefined : durationMs(written);
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

/** Whole milliseconds of a duration as Go writes it; a bare number is seconds, as in the header of that name. */
function durationMs(text: string): number | undefined {
  const parsed = parseDuration(/^\d{1,9}$/.test(text) ? `${text}s` : text);
  return parsed.ok ? Math.ceil(parsed.value) : undefined;
}
