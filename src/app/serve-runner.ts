import { deadlineSignal } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import { toProblems } from "../manifest/problem.ts";
import { readYaml } from "../manifest/yaml-source.ts";
import { isLashError, LashError } from "../model/errors.ts";
import { serveRunner } from "../runner/serve.ts";
import { readRunnerSettings } from "../runner/settings.ts";
import { openFoundEngine } from "./engines.ts";

/** The engine need not be there: looking for what it is must not hold up the start. */
const lookTimeoutMs = 2000;

/**
 * Runs the engine service with the settings of the environment until the signal. Rejects with `usage`, naming the
 * variable, when it cannot start; an engine that is not there is no reason not to.
 */
export async function runRunner(options: {
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { environment, signal } = options;
  const settings = readRunnerSettings(environment);
  await using engine = await openAt(settings.socket, options);
  await serveRunner({
    settings,
    engine,
    environment,
    signal,
    parseYaml: readPlainYaml,
    onReload(reload) {
      process.on("SIGHUP", reload);
      return () => process.off("SIGHUP", reload);
    },
  });
}

/** The values of a YAML file. Rejects with `usage` and the first place that is wrong. */
function readPlainYaml(text: string, file: string): unknown {
  const { tree, syntax, findings, locate } = readYaml(text);
  const [problem] = [...syntax, ...toProblems(findings, locate)];
  if (problem === undefined) return tree;
  const { line, column, message } = problem;
  throw new LashError("usage", `Cannot read "${file}": line ${line}, column ${column}: ${message}`, {
    data: { file, line, column },
  });
}

/** The driver for what listens there; for an engine that is away, what the socket's name says. */
async function openAt(
  socket: string,
  { environment, signal }: { readonly environment: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<Engine> {
  const here = { ...environment, DOCKER_HOST: `unix://${socket}` };
  using look = deadlineSignal(signal, lookTimeoutMs, () => new Error("no answer"));
  try {
    return (await openFoundEngine(here, look.signal)).engine;
  } catch (error) {
    signal.throwIfAborted();
    if (!look.signal.aborted && !isLashError(error)) throw error;
    const { unixEndpoint } = await import("../drivers/docker/find.ts");
    if (/podman/i.test(socket)) {
      const { openPodman } = await import("../drivers/podman/podman.ts");
      return openPodman(unixEndpoint(socket), { env: environment });
    }
    const { openDocker } = await import("../drivers/docker/docker.ts");
    return openDocker(unixEndpoint(socket), { env: environment });
  }
}
