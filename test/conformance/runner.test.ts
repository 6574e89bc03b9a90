import { openRunner } from "../../src/drivers/runner/open.ts";
import { useBed } from "../bed/bed.ts";
import { startRegistry } from "../bed/registry.ts";
import { startRunner } from "../support/runner-process.ts";
import { containerHarness } from "./support/containers.ts";
import { testConformance } from "./support/register.ts";
import { sharedSecret } from "./support/runner.ts";

const lacks = {
  "follow-fast":
    "Docker 20.10 ends a followed log early, also for its own CLI (2 of 12 times, by up to a quarter)",
};

testConformance("runner over docker 20.10", lacks, async () => {
  const { socket } = useBed();
  const registry = await startRegistry();
  const present = await registry.push(socket, "lash-base:1", "conformance/runner-present:1");
  const runner = await startRunner({ DOCKER_SOCKET: socket, DOCKER_RUNNER_SHARED_SECRET: sharedSecret });
  return containerHarness({
    open: () => openRunner({ baseUrl: runner.url, sharedSecret }),
    registry: { present, absent: `${registry.address}/conformance/runner-absent:1` },
    close: async () => {
      await runner[Symbol.asyncDispose]();
      await registry.stop();
    },
  });
});
