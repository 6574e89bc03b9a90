import { unixEndpoint } from "../../src/drivers/engine-api/endpoint.ts";
import { openPodman } from "../../src/drivers/podman/podman.ts";
import { startPodman } from "../bed/engine.ts";
import { containerHarness } from "./support/containers.ts";
import { testConformance } from "./support/register.ts";

const lacks = {
  pull: "an engine of its own network reaches no registry of the bed; docker 20.10 runs these",
  "follow-fast": "Podman 4.3 drops single lines of a quick writer from a followed log, also for curl",
  "kept-errors": "Podman 4.3 tells why a start was refused to its caller only",
  "restart-stop": "Podman 4.3 restarts without a pause; a stop between two runs finds nothing to stop",
  health: "Podman's checks are timers of systemd, which the bed has not",
};

testConformance("podman 4.3", lacks, async () => {
  const service = await startPodman();
  await service.loadImages("base");
  return containerHarness({
    open: () => openPodman(unixEndpoint(service.socket)),
    close: () => service.stop(),
  });
});
