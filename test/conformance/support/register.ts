import { afterAll, describe, test } from "vitest";
import {
  type ConformanceHarness,
  renderSkipped,
  skipReason,
} from "../../../src/engine/conformance/harness.ts";
import { engineConformance } from "../../../src/engine/conformance/suite.ts";

/** Time for one case: engines on a loaded machine are slow, a hanging driver is not worth more. */
const caseMs = 45_000;

/**
 * Registers the suite with vitest for one driver. `open` is called before the first case, what it returns is disposed
 * after the last; `signal` is replaced for each case by one that aborts when its time is up.
 */
export function testConformance(
  driver: string,
  lacks: ConformanceHarness["lacks"],
  open: () => Promise<Omit<ConformanceHarness, "lacks" | "signal"> & AsyncDisposable>,
): void {
  describe(`${driver} conforms to the engine port`, () => {
    let opened: ReturnType<typeof open> | undefined;
    const cases = engineConformance();
    for (const each of cases) {
      const reason = skipReason(each, { lacks });
      const run = reason === undefined ? test : test.skip;
      const name = reason === undefined ? each.name : `${each.name} (${reason})`;
      run(name, { timeout: caseMs + 45_000 }, async () => {
        opened ??= open();
        const given = await opened;
        await each.run({ ...given, lacks, signal: AbortSignal.timeout(caseMs) });
      });
    }
    afterAll(async () => {
      console.log(renderSkipped(driver, cases, { lacks }));
      await (await opened)?.[Symbol.asyncDispose]();
    });
  });
}
