import { expect, test } from "vitest";
import type { JsonObject } from "../../../src/model/json.ts";
import { createRandom } from "../../faults/random.ts";
import { type FuzzTarget, fuzzBytes, fuzzRoutes } from "../../support/server-fuzz.ts";
import { startTestServer, type TestServer } from "./support.ts";

/** Printed with every failure, and taken from the environment to repeat one. */
const seed = Number(process.env["LASH_FUZZ_SEED"] ?? 20_261_121);

/** How many; more for a long run by hand. */
const requests = Number(process.env["LASH_FUZZ_REQUESTS"] ?? 2600);

const changing = new Set(["create", "start", "stop", "kill", "remove", "exec", "images.pull"]);

interface Schema {
  readonly properties: Record<string, object>;
}

async function targetOf(server: TestServer): Promise<FuzzTarget> {
  const { body } = await server.ask("GET", "/api/openapi.json");
  for (const name of ["one", "two"]) {
    await server.ask("POST", "/api/containers", { body: { image: "work:1", name } });
  }
  // What the clean-up does in the meantime must not look as if a request had done it.
  const { schemas } = (body as { readonly components: { readonly schemas: Record<string, Schema> } })
    .components;
  const { CreateContainer: create } = schemas;
  if (create !== undefined)
    create.properties["ttlSeconds"] = { type: "integer", minimum: 86_400, maximum: 90_000 };
  return {
    host: "127.0.0.1",
    port: server.tcpPort,
    document: body as JsonObject,
    texts: ["one", "two", "none", "work:1", "x", "shop", "2026-01-01T00:00:00Z", "/tmp", "linux/amd64"],
    changes: changesOf(server),
  };
}

/** Counts what was asked of the engine, looking at each entry once. */
function changesOf({ engine }: TestServer): () => number {
  let seen = 0;
  let count = 0;
  return () => {
    const fresh = engine.log.slice(seen);
    seen += fresh.length;
    count += fresh.filter((entry) => entry.type === "call" && changing.has(entry.method)).length;
    return count;
  };
}

test(
  `requests made from the document: never a 500, never an engine's call for what is refused (seed ${seed})`,
  async () => {
    await using server = await startTestServer({ memory: { scripts: { "work:1": { stopMs: 0 } } } });
    const target = await targetOf(server);
    const result = await fuzzRoutes(target, { requests, random: createRandom(seed) });
    expect(result.problems).toEqual([]);
    // It gets behind the checks, and does not only succeed.
    expect(result.byStatus["400"]).toBeGreaterThan(200);
    expect((result.byStatus["200"] ?? 0) + (result.byStatus["201"] ?? 0)).toBeGreaterThan(200);
    expect((await server.ask("GET", "/health")).status).toBe(200);
    expect(server.lines.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
  },
  20_000 + 20 * requests,
);

test(
  `bytes that are hardly HTTP (seed ${seed})`,
  async () => {
    await using server = await startTestServer();
    const target = await targetOf(server);
    const result = await fuzzBytes(target, {
      requests: Math.round(requests / 6),
      random: createRandom(seed),
    });
    expect(result.problems).toEqual([]);
    expect(result.byStatus["400"]).toBeGreaterThan(50);
    expect((await server.ask("GET", "/health")).status).toBe(200);
    expect(server.lines.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
  },
  20_000 + 20 * requests,
);
