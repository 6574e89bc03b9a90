import { LashError } from "../../model/errors.ts";

/** Where a runner is. */
export interface RunnerEndpoint {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** In front of every path; not signed, as a proxy in between may take it away. */
  readonly basePath: string;
  /** For people. */
  readonly text: string;
}

/** Reads a base URL. Rejects with `usage` what is none of http or https, or carries credentials. */
export function parseRunnerUrl(text: string): RunnerEndpoint {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.hostname === "")
    throw refused(text, "it has to be an address such as http://host:7071");
  if (url.username !== "" || url.password !== "")
    throw refused(text, "it holds credentials, and requests are signed with the shared secret");
  if (url.search !== "" || url.hash !== "") throw refused(text, "it has more than a path");
  const secure = url.protocol === "https:";
  const basePath = url.pathname.replace(/\/+$/, "");
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    basePath,
    text: `${url.protocol}//${url.host}${basePath}`,
  };
}

function refused(text: string, why: string): LashError {
  const shown = text.replace(/\/\/[^/@]*@/, "//***@");
  return new LashError("usage", `Cannot use runner "${shown}": ${why}`, { data: { baseUrl: shown } });
}
