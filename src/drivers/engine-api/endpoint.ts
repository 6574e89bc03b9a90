import { LashError } from "../../model/errors.ts";

/** What TLS needs. PEM texts, not paths. */
export interface TlsMaterial {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** False only when the person turned verification off in the Docker context. */
  readonly verify: boolean;
}

/** Where an engine listens. `text` is the same for people, without credentials. */
export type Endpoint =
  | { readonly kind: "unix"; readonly path: string; readonly text: string }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly basePath: string;
      readonly tls: TlsMaterial | undefined;
      readonly text: string;
    };

/** A unix socket of this path. */
export function unixEndpoint(path: string): Endpoint {
  return { kind: "unix", path, text: `unix://${path}` };
}

/**
 * Reads an address as the docker CLI takes it in DOCKER_HOST or a context: `unix://path`, `tcp://host[:port]`,
 * `http://`, `https://`. `tls` is used for tcp and https. Rejects the rest with `engine-unsupported`; `source` says
 * where the address came from.
 */
export function parseEndpoint(address: string, source: string, tls: TlsMaterial | undefined): Endpoint {
  const scheme = /^([a-z]+):\/\//.exec(address)?.[1];
  if (scheme === "unix") {
    const path = address.slice("unix://".length);
    if (path === "")
      throw unsupported(address, source, "it names no socket", "Write it as unix:///path/to/docker.sock");
    return unixEndpoint(path);
  }
  if (scheme === "ssh") {
    throw unsupported(
      address,
      source,
      "engines behind ssh are not supported",
      "Forward the socket with `ssh -N -L /tmp/engine.sock:/var/run/docker.sock HOST` and set DOCKER_HOST=unix:///tmp/engine.sock",
    );
  }
  if (scheme === "npipe" || scheme === "fd") {
    throw unsupported(address, source, `"${scheme}" is not supported here`, "Use unix:// or tcp://");
  }
  // docker accepts "host:port" without a scheme.
  const url = parseUrl(scheme === undefined ? `tcp://${address}` : address);
  if (url === undefined || !["tcp:", "http:", "https:"].includes(url.protocol)) {
    throw unsupported(
      address,
      source,
      "it is no address of an engine",
      "Use unix:///path or tcp://host:port",
    );
  }
  const secure =
    url.protocol === "https:" ? (tls ?? { verify: true }) : url.protocol === "tcp:" ? tls : undefined;
  const port = url.port === "" ? (secure === undefined ? 2375 : 2376) : Number(url.port);
  const host = url.hostname === "" ? "127.0.0.1" : url.hostname.replace(/^\[|\]$/g, "");
  return {
    kind: "tcp",
    host,
    port,
    basePath: url.pathname.replace(/\/+$/, ""),
    tls: secure,
    text: `${secure === undefined ? "tcp" : "https"}://${host.includes(":") ? `[${host}]` : host}:${port}`,
  };
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function unsupported(address: string, source: string, why: string, hint: string): LashError {
  const shown = address.replace(/\/\/[^/@]*@/, "//");
  return new LashError("engine-unsupported", `Cannot use engine "${shown}" from ${source}: ${why}`, {
    data: { address: shown, source },
    hint,
  });
}
