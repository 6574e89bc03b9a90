import { openDocker } from "../../src/drivers/docker/docker.ts";
import { unixEndpoint } from "../../src/drivers/engine-api/endpoint.ts";
import { useBed } from "../bed/bed.ts";
import { startRegistry } from "../bed/registry.ts";
import { containerHarness } from "./support/containers.ts";
import { testConformance } from "./support/register.ts";

const lacks = {
  "follow-fast":
    "Docker 20.10 ends a followed log early, also for its own CLI (2 of 12 times, by up to a quarter)",
};

testConformance("docker 20.10", lacks, async () => {
  const { socket } = useBed();
  const registry = await startRegistry();
  const present = await registry.push(socket, "lash-base:1", "conformance/present:1");
  return containerHarness({
    open: () => openDocker(unixEndpoint(socket)),
    registry: { present, absent: `${registry.address}/conformance/absent:1` },
    close: () => registry.stop(),
  });
});
