import { openRunner, type RunnerEngine } from "../../../src/drivers/runner/open.ts";
import type { ConformanceHarness } from "../../../src/engine/conformance/harness.ts";
import { defaultPolicy } from "../../../src/runner/policy.ts";
import { openRunnerService, type RunnerService } from "../../../src/runner/service.ts";

export const sharedSecret = "the secret of the tests";

/** A driver's harness with a runner in between: another engine's behaviours, asked for over HTTP. */
export async function behindRunner(
  harness: Omit<ConformanceHarness, "lacks" | "signal"> & AsyncDisposable,
): Promise<Omit<ConformanceHarness, "lacks" | "signal"> & AsyncDisposable> {
  const service: RunnerService = await openRunnerService({
    engine: harness.engine,
    policy: defaultPolicy(sharedSecret),
    host: "127.0.0.1",
    port: 0,
  });
  const open = (): RunnerEngine => openRunner({ baseUrl: service.url, sharedSecret });
  const engine = open();
  return {
    ...harness,
    engine,
    openSecond: async () => open(),
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      await harness[Symbol.asyncDispose]();
    },
  };
}
