import { expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { openFaultBed } from "./fault-bed.ts";
import { runOutages } from "./outages.ts";
import { createRandom } from "./random.ts";

// The short version of `npm run fault -- outages`: less of it, for less long. Heap of a process that is this young still
// grows by code that is compiled, so more of that is let pass than in the long one.
const plan = { perSecond: 100, seconds: 14, heapGrowth: 0.25, callTimeoutMs: 800 };
const seed = 31;

test(`a server under load loses its runner three times, seed ${seed}`, { timeout: 120_000 }, async () => {
  const { socket, env } = useBed();
  await using bed = await openFaultBed({ socket, env });
  const notes: string[] = [];
  const did = await runOutages(bed, plan, {
    random: createRandom(seed),
    note: (text) => void notes.push(text),
  });
  expect(did).toMatch(/^1400 requests, .* 700 guarded/);
  expect(notes.filter((text) => /^(?:killed|hung|stopped) at/.test(text))).toHaveLength(3);
});
