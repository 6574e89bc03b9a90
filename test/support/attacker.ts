import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { z } from "zod";
import type { Page } from "./browser.ts";

const script = readFileSync(join(import.meta.dirname, "attack-page.js"), "utf8");
const foundSchema = z.array(z.strictObject({ way: z.string(), saw: z.string() }));

export interface Attack {
  /** The origin that is attacked. */
  readonly base: string;
  readonly authorization: string;
  readonly container: string;
  /** Path and query of a terminal whose session is open. */
  readonly session: string;
  readonly reads: readonly string[];
  readonly streams: readonly string[];
  readonly changes: readonly {
    readonly method: string;
    readonly path: string;
    readonly body: Readonly<Record<string, unknown>>;
  }[];
}

export interface Finding {
  readonly way: string;
  /** What the page got to see; "" for nothing. */
  readonly saw: string;
}

export async function attack(page: Page, plan: Attack): Promise<readonly Finding[]> {
  await page.run(script);
  return foundSchema.parse(await page.run(`attack(${JSON.stringify(plan)})`));
}

/**
 * The web server of an attacker: a page at `/`, redirects at `/to?URL`, and anything else answered so that its own page
 * can use it in each of the ways there are.
 */
export async function startAttacker(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((incoming, outgoing) => {
    const { url = "/", headers } = incoming;
    incoming.resume();
    for (const name of ["origin", "headers", "methods"])
      outgoing.setHeader(`access-control-allow-${name}`, "*");
    outgoing.setHeader("cache-control", "no-store");
    const give = (type: string, body: string): void => {
      outgoing.writeHead(200, { "content-type": type }).end(body);
    };
    const accept = headers.accept ?? "";
    if (url === "/") give("text/html", "<!doctype html><title>harmless</title><body></body>");
    else if (url.startsWith("/to?"))
      outgoing.writeHead(307, { location: decodeURIComponent(url.slice(4)) }).end();
    else if (accept.startsWith("image/"))
      give("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>');
    else if (accept.startsWith("text/css")) give("text/css", "a {}");
    else if (accept === "text/event-stream") give(accept, "data: stolen\n\n");
    else give("text/javascript", '"stolen"');
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.send("stolen"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
