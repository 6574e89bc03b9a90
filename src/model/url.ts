/**
 * Text as one component of a URL: everything but RFC 3986's unreserved characters is percent-encoded, also those that
 * `encodeURIComponent` leaves alone. A lone surrogate, which has no UTF-8 form, becomes U+FFFD.
 */
export function encodeUrlComponent(text: string): string {
  return encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, "\uFFFD")).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Parts of a URL with a host; user, password and path are raw. */
export interface UrlParts {
  readonly scheme: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly host: string;
  readonly port?: string | undefined;
  /** Without the leading slash; "" for none. */
  readonly path?: string | undefined;
}

/** A URL from raw parts; an IPv6 host gets its brackets. */
export function formatUrl(parts: UrlParts): string {
  const user = parts.user === undefined ? "" : encodeUrlComponent(parts.user);
  const password =
    parts.password === undefined || parts.password === "" ? "" : `:${encodeUrlComponent(parts.password)}`;
  const credentials = user === "" && password === "" ? "" : `${user}${password}@`;
  const host = parts.host.includes(":") && !parts.host.startsWith("[") ? `[${parts.host}]` : parts.host;
  const port = parts.port === undefined ? "" : `:${parts.port}`;
  const path = parts.path === undefined || parts.path === "" ? "" : `/${encodeUrlComponent(parts.path)}`;
  return `${parts.scheme}://${credentials}${host}${port}${path}`;
}
