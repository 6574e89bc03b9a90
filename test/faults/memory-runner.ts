// The runner's service before an engine in memory, as a process: what is real costs too much for a hundred thousand
// requests, and is the subject of other tests. Settings and log lines are those of `lash runner`.
import { pino } from "pino";
import { createMemoryEngine } from "../../src/drivers/memory/memory-engine.ts";
import { defaultPolicy } from "../../src/runner/policy.ts";
import { openRunnerService } from "../../src/runner/service.ts";
import { readRunnerSettings } from "../../src/runner/settings.ts";

const settings = readRunnerSettings(process.env);
const log = pino({ level: settings.logLevel, base: { service: "runner" } });
// One image makes containers that end at once when they are asked to.
const engine = createMemoryEngine({
  images: ["work:1"],
  pullable: ["far:1"],
  scripts: { "work:1": { stopMs: 0 } },
});
const service = await openRunnerService({
  engine,
  policy: defaultPolicy(settings.sharedSecret),
  host: settings.host,
  port: settings.port,
  log,
});
log.info({ url: service.url }, "listening");
process.once("SIGTERM", () => process.exit(0));
