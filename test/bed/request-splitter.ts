/** The head of one HTTP request as it stands on the wire. */
export interface RequestHead {
  readonly method: string;
  /** Without the API version in front, with the query. */
  readonly path: string;
  /** After this request the connection carries anything: it is handed through and no longer read. */
  readonly hijacks: boolean;
  /** The engine takes the connection over unless the body asks for a detached start. */
  readonly mayHijack: boolean;
}

/** What a stretch of the client's bytes is. The bytes of all pieces together are exactly the bytes that came in. */
export type RequestPiece =
  | { readonly tag: "head"; readonly head: RequestHead; readonly bytes: Buffer }
  | { readonly tag: "body"; readonly bytes: Buffer };

/**
 * Finds where requests begin in the byte stream of a keep-alive connection. It changes no byte. Bodies of known
 * length and chunked bodies are followed; after a request that takes the connection over, everything is body.
 */
export function createRequestSplitter(): (chunk: Buffer) => RequestPiece[] {
  let pending: Buffer = Buffer.alloc(0);
  let body: BodyState = { tag: "none" };
  let mayBeTaken = false;
  return (chunk) => {
    let rest: Buffer = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    pending = Buffer.alloc(0);
    const pieces: RequestPiece[] = [];
    while (rest.length > 0) {
      if (body.tag === "none" && mayBeTaken && !looksLikeRequest(rest)) {
        body = { tag: "everything" };
      }
      if (body.tag === "none") {
        const end = rest.indexOf("\r\n\r\n");
        if (end < 0) {
          pending = rest;
          return pieces;
        }
        const bytes = rest.subarray(0, end + 4);
        rest = rest.subarray(end + 4);
        const read = readHead(bytes.toString("latin1"));
        body = read.body;
        mayBeTaken = read.head.mayHijack;
        pieces.push({ tag: "head", head: read.head, bytes });
        continue;
      }
      const step = advance(body, rest);
      if (step.taken === 0) {
        pending = rest;
        return pieces;
      }
      body = step.body;
      pieces.push({ tag: "body", bytes: rest.subarray(0, step.taken) });
      rest = rest.subarray(step.taken);
    }
    return pieces;
  };
}

type BodyState =
  | { readonly tag: "none" }
  | { readonly tag: "length"; readonly left: number }
  | { readonly tag: "chunk-size" }
  /** `left` includes the line end after the data. */
  | { readonly tag: "chunk-data"; readonly left: number }
  | { readonly tag: "trailer" }
  | { readonly tag: "everything" };

function looksLikeRequest(bytes: Buffer): boolean {
  const start = bytes.subarray(0, 10).toString("latin1");
  return ["GET /", "POST /", "PUT /", "HEAD /", "DELETE /", "OPTIONS /"].some(
    (word) => start.startsWith(word) || word.startsWith(start),
  );
}

function readHead(text: string): { readonly head: RequestHead; readonly body: BodyState } {
  const [first = "", ...lines] = text.trimEnd().split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [
        line.slice(0, colon).toLowerCase(),
        line
          .slice(colon + 1)
          .trim()
          .toLowerCase(),
      ];
    }),
  );
  const path = target.replace(/^\/v\d+\.\d+(?=\/)/, "");
  const hijacks = (headers.get("connection") ?? "").includes("upgrade");
  const mayHijack = method === "POST" && /^\/(containers\/[^/]+\/attach|exec\/[^/]+\/start)\b/.test(path);
  const head = { method, path, hijacks, mayHijack };
  const length = Number(headers.get("content-length") ?? "0");
  if (hijacks) {
    return { head, body: { tag: "everything" } };
  }
  if ((headers.get("transfer-encoding") ?? "").includes("chunked")) {
    return { head, body: { tag: "chunk-size" } };
  }
  return { head, body: length > 0 ? { tag: "length", left: length } : { tag: "none" } };
}

/** How far the next stretch of a body reaches. Taken 0: more bytes are needed to know. */
function advance(
  body: Exclude<BodyState, { tag: "none" }>,
  rest: Buffer,
): { readonly taken: number; readonly body: BodyState } {
  switch (body.tag) {
    case "everything":
      return { taken: rest.length, body };
    case "length": {
      const taken = Math.min(body.left, rest.length);
      return {
        taken,
        body: taken === body.left ? { tag: "none" } : { tag: "length", left: body.left - taken },
      };
    }
    case "chunk-data": {
      const taken = Math.min(body.left, rest.length);
      return {
        taken,
        body: taken === body.left ? { tag: "chunk-size" } : { tag: "chunk-data", left: body.left - taken },
      };
    }
    case "chunk-size": {
      const end = rest.indexOf("\r\n");
      if (end < 0) {
        return { taken: 0, body };
      }
      const size = Number.parseInt(rest.subarray(0, end).toString("latin1"), 16);
      return {
        taken: end + 2,
        body: size === 0 ? { tag: "trailer" } : { tag: "chunk-data", left: size + 2 },
      };
    }
    case "trailer": {
      const end = rest.indexOf("\r\n");
      if (end < 0) {
        return { taken: 0, body };
      }
      return { taken: end + 2, body: end === 0 ? { tag: "none" } : body };
    }
  }
}
