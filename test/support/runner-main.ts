// A runner as a process of its own, before Docker: settings come from the environment, logs go to stdout.
import { openDocker } from "../../src/drivers/docker/docker.ts";
import { unixEndpoint } from "../../src/drivers/engine-api/endpoint.ts";
import { readYaml } from "../../src/manifest/yaml-source.ts";
import { serveRunner } from "../../src/runner/serve.ts";
import { readRunnerSettings } from "../../src/runner/settings.ts";

const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort(new Error(name)));

try {
  const settings = readRunnerSettings(process.env);
  await using engine = openDocker(unixEndpoint(settings.socket));
  await serveRunner({
    settings,
    engine,
    environment: process.env,
    signal: stop.signal,
    parseYaml(text, file) {
      const { tree, syntax, findings } = readYaml(text);
      const [problem] = [...syntax, ...findings];
      if (problem !== undefined) throw new Error(`Cannot read ${file}: ${JSON.stringify(problem)}`);
      return tree;
    },
    onReload(reload) {
      process.on("SIGHUP", reload);
      return () => process.off("SIGHUP", reload);
    },
  });
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
