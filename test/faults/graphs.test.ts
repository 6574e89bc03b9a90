import { expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { openFaultBed } from "./fault-bed.ts";
import { graphSize, runGraph } from "./graphs.ts";

// The short version of `npm run fault -- graphs`. Fixed seeds: what fails here fails again.
test.each([11, 12])("40 resources with random dependencies, seed %i", { timeout: 120_000 }, async (seed) => {
  const { socket, env } = useBed();
  await using bed = await openFaultBed({ socket, env });
  expect(await runGraph(bed, seed)).toContain(`${graphSize} resources`);
});
