import { openDocker } from "../../src/drivers/docker/docker.ts";
import { unixEndpoint } from "../../src/drivers/engine-api/endpoint.ts";
import { startDocker } from "../bed/engine.ts";
import { containerHarness } from "./support/containers.ts";
import { testConformance } from "./support/register.ts";

const noRegistry = "an engine of its own network reaches no registry of the bed; docker 20.10 runs these";

testConformance("docker 28", { pull: noRegistry }, async () => {
  const daemon = await startDocker({ version: "28" });
  await daemon.loadImages("base");
  return containerHarness({
    open: () => openDocker(unixEndpoint(daemon.socket)),
    close: () => daemon.stop(),
  });
});
