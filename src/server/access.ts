import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { ApiError } from "./errors.ts";
import { isLoopback, type ServerSettings } from "./settings.ts";

/** Who asks, as far as it is known. */
export interface Caller {
  readonly by: "token" | "loopback";
}

type AccessSettings = Pick<ServerSettings, "host" | "token" | "allowedHosts">;

/**
 * Holds browsers to the same origin: a page from elsewhere, also one that got its name to lead here (DNS rebinding),
 * can neither read nor change anything. Programs send neither `Origin` nor `Sec-Fetch-Site`. Throws an ApiError.
 */
export function checkOrigin(headers: IncomingHttpHeaders, settings: AccessSettings): void {
  const { host, origin } = headers;
  if (host === undefined) throw new ApiError("bad_request", "Cannot answer: the request has no Host header");
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    throw new ApiError("origin_not_allowed", "Cannot answer: the request comes from another site");
  }
  if (origin !== undefined && !isOriginOf(origin, host)) {
    throw new ApiError("origin_not_allowed", "Cannot answer: the request comes from another origin");
  }
  // A page that got its own name to lead here does not know the token.
  if (hasToken(headers, settings)) return;
  const name = hostName(host);
  if (name === undefined || !isAllowed(name, settings)) {
    throw new ApiError("host_not_allowed", "Cannot answer: the request is for another host", {
      hint: "Ask for an address or localhost, send the token, or add the name to LASH_SERVER_ALLOWED_HOSTS",
    });
  }
}

/** Who asks; throws `unauthorized` without the token, where there is one. */
export function authenticate(headers: IncomingHttpHeaders, settings: AccessSettings): Caller {
  if (settings.token === undefined) {
    // The settings make sure of this; but nothing may open by accident.
    if (isLoopback(settings.host)) return { by: "loopback" };
  } else if (hasToken(headers, settings)) {
    return { by: "token" };
  }
  throw new ApiError("unauthorized", "Cannot answer: the token is missing or wrong", {
    headers: { "www-authenticate": 'Bearer realm="lash"' },
    hint: "Send it as `Authorization: Bearer <token>`",
  });
}

function hasToken(headers: IncomingHttpHeaders, { token }: AccessSettings): boolean {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (token === undefined || given === undefined) return false;
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function isOriginOf(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  const isWeb = url.protocol === "http:" || url.protocol === "https:";
  return (
    isWeb && URL.canParse(`${url.protocol}//${host}`) && new URL(`${url.protocol}//${host}`).host === url.host
  );
}

/** The name in a Host header, in lower case; undefined when it is none. */
function hostName(host: string): string | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+)(?::\d{1,5})?$/.exec(host);
  return match?.[1]?.toLowerCase().replace(/\.$/, "");
}

function isAllowed(name: string, { host, allowedHosts }: AccessSettings): boolean {
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) !== 0 || bare === "localhost") return true;
  return bare === host.toLowerCase() || allowedHosts.includes(bare);
}
