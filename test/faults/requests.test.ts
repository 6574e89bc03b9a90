import { expect, test } from "vitest";
import { openFaultBed } from "./fault-bed.ts";
import { createRandom } from "./random.ts";
import { runRequests } from "./requests.ts";

// The short version of `npm run fault -- requests`. A fixed seed: what fails here fails again.
const seed = 21;

test(`requests of every kind to a server and its runner, seed ${seed}`, { timeout: 120_000 }, async () => {
  await using bed = await openFaultBed({ socket: "/nowhere.sock", env: process.env });
  const did = await runRequests(bed, { seed, random: createRandom(seed), requests: 1500 });
  expect(did).toMatch(/^server: .*200.*; server, bytes: .*; runner: .*200.*; runner, bytes: .*400/);
});
